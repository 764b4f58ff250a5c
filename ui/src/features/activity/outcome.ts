// How a request stands, in a word and in a sentence.
import { IconAlertTriangle, IconBan, IconCircleCheckFilled, IconCircleMinus, IconLoader2, IconPlugConnectedX } from "@tabler/icons-react";
import type { Pending } from "@/api/requests";
import type { RequestStatus } from "@/api/types";
import { called, errorWords, isCancelled, subject } from "@/ui/event-words";
import type { Look } from "@/ui/state";

/** Whoever waits longer is told that there is no answer yet. */
const SLOW = 10_000;

export const isRefused = ({ status }: Pick<RequestStatus, "status">) => status !== null && status >= 400 && status < 500;

export const isSlow = (request: RequestStatus, now: number) => request.state === "waiting" && request.sent !== null && now - request.sent > SLOW;

export function outcome(request: RequestStatus, slow: boolean): Look {
  switch (request.state) {
    case "waiting":
      return { tone: slow ? "warn" : "busy", icon: IconLoader2, turns: true, label: slow ? "No answer yet" : "In flight" };
    case "done":
      return { tone: "ok", icon: IconCircleCheckFilled, label: "Done" };
    case "failed":
      if (isCancelled(request)) return { tone: "idle", icon: IconCircleMinus, label: "Cancelled" };
      return isRefused(request) ? { tone: "warn", icon: IconBan, label: "Refused" } : { tone: "bad", icon: IconAlertTriangle, label: "Failed" };
    case "lost":
      return { tone: "unknown", icon: IconPlugConnectedX, label: "Lost" };
  }
}

/** What more there is to say of it, if anything. */
export function sentence(request: RequestStatus, slow: boolean): string | null {
  if (isCancelled(request)) return null;
  if (request.message) return request.message;
  if (request.state === "lost") return "Nothing is known of how it ended.";
  if (request.state === "waiting") return slow ? "It was sent, and nothing is known of its end yet. It may still be done." : null;
  return request.error ? errorWords(request.error) : null;
}

/** `Stop web`, `Remove network web`. */
export function title(request: RequestStatus): string {
  if (!request.action) return `Request ${request.requestId.slice(0, 8)}`;
  const verb = called(request.action);
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${subject(request)}`;
}

/** What this tab has sent, before the node tells of it. */
export const ofTab = (pending: Pending, user: string | null): RequestStatus => ({
  requestId: pending.requestId,
  state: "waiting",
  action: pending.action,
  user,
  dock: null,
  id: null,
  name: pending.name,
  about: pending.about,
  sent: pending.at,
  ended: null,
  took: null,
  status: null,
  error: null,
  message: null,
});

/** Those of this tab first that the node has not told of; the rest as the node orders them. */
export function together(pending: RequestStatus[], told: RequestStatus[]): RequestStatus[] {
  const known = new Set(told.map(({ requestId }) => requestId));
  return [...pending.filter(({ requestId }) => !known.has(requestId)), ...told];
}
