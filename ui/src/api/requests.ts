// What this tab has asked for and how it stands. A request has an id before it is sent, so it can be sent again, to any
// node, and is still done once; its end comes by /api/v1/live, or is asked for.
import { useSyncExternalStore } from "react";
import { notifications } from "@mantine/notifications";
import { api, ApiError, q, qc } from "./client";
import { now } from "./clock";
import type { Accepted, Instance, RequestStatus } from "./types";

export interface Pending {
  requestId: string;
  action: string;
  /** The full id of the instance, or what else it is about. */
  about: string;
  /** As people know it. */
  name: string;
  at: number;
  /** No answer for ten seconds. */
  slow: boolean;
}

const SLOW = 10_000;
/** For how long a request is sent again that nobody has answered: later it would be late. */
const LATE = 30_000;
const subscribers = new Set<() => void>();
let pending: Pending[] = [];
const set = (next: Pending[]) => {
  pending = next;
  subscribers.forEach((run) => run());
};
const subscribe = (run: () => void) => (subscribers.add(run), () => void subscribers.delete(run));
export const usePending = () => useSyncExternalStore(subscribe, () => pending);
/** What is under way for one instance; stable as long as that does not change. */
export const usePendingFor = (about: string) => useSyncExternalStore(subscribe, () => pending.find((one) => one.about === about));

const waiting = new Map<string, { resolve: (status: RequestStatus) => void; action: string; name: string }>();

/** A new id that nobody can guess. (`crypto.randomUUID` is for pages that come by TLS alone.) */
function newId(): string {
  const chance = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
  return `${qc.getQueryData(q.me.queryKey)?.requestPrefix ?? ""}${chance.join("")}`;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Asked {
  requestId: string;
  action: string;
  fields: Record<string, unknown>;
  /** When it was first sent, by the browser's clock. */
  at: number;
}

/** Sends a request and follows it to its end. Never rejects: what was refused is a status as well. */
export async function send(action: string, fields: Record<string, unknown>, about: string, name: string): Promise<RequestStatus> {
  const asked: Asked = { requestId: newId(), action, fields, at: Date.now() };
  const { requestId } = asked;
  set([...pending, { requestId, action, about, name, at: now(), slow: false }]);
  const ended = new Promise<RequestStatus>((resolve) => waiting.set(requestId, { resolve, action, name }));
  setTimeout(() => set(pending.map((one) => (one.requestId === requestId ? { ...one, slow: true } : one))), SLOW);
  void deliver(asked).then(() => follow(asked));
  return ended;
}

/** Sends it until a node has taken or refused it. One that does not answer may have sent it: with the same id it is done once. */
async function deliver({ requestId, action, fields, at }: Asked) {
  for (let tries = 0; waiting.has(requestId); tries++) {
    try {
      await api<Accepted>(`/actions/${action}`, { method: "POST", json: { ...fields, requestId }, headers: { prefer: "respond-async" } });
      return;
    } catch (error) {
      const refused = error as ApiError;
      const mayPass = refused.status === 0 || refused.status >= 500;
      if (!mayPass || Date.now() - at > LATE) settle(status(requestId, action, refused));
      else await wait(Math.min(500 * 2 ** tries, 5_000));
    }
  }
}

/** The live stream usually tells of the end first; this notices what it has missed. */
async function follow(asked: Asked) {
  for (let pause = 1_500; waiting.has(asked.requestId); pause = Math.min(pause * 1.5, 10_000)) {
    await wait(pause);
    if (!waiting.has(asked.requestId)) return;
    const found = await api<RequestStatus>(`/requests/${encodeURIComponent(asked.requestId)}`).catch(() => null);
    // Nothing is known: it lies in a stream where no worker has begun it, or went down with its node.
    if (found?.state === "lost" && Date.now() - asked.at < LATE) await deliver(asked);
    else if (found) settle(found);
  }
}

const status = (requestId: string, action: string, error: ApiError): RequestStatus => ({ requestId, state: "failed", action, user: null, dock: null, id: null, name: null, about: null, sent: null, ended: now(), took: null, status: error.status, error: error.code, message: error.message });

/** Who wants to be told how each request of this tab ends. */
type Settled = (ended: RequestStatus, asked: { action: string; name: string }) => void;
const settled = new Set<Settled>();
export const onSettled = (run: Settled) => (settled.add(run), () => void settled.delete(run));

/** A request has ended, or is told of while it waits. */
export function settle(ended: RequestStatus) {
  const one = waiting.get(ended.requestId);
  if (!one || ended.state === "waiting") return;
  waiting.delete(ended.requestId);
  set(pending.filter((other) => other.requestId !== ended.requestId));
  one.resolve(ended);
  for (const run of settled) run(ended, one);
  if (ended.state !== "done") {
    const message = ended.message ?? (ended.state === "lost" ? "Nothing is known of how it ended. Look at the activity." : "It failed.");
    notifications.show({ color: "red", title: `${words(one.action)} ${one.name}: not done`, message: `${message} · request ${ended.requestId}`, autoClose: 15_000 });
  }
}

/** `stop-container` → `Stop`. */
export const words = (action: string) => {
  const verb = action.replace(/-(container|instance|image|network|volume|template|dock)s?$/, "").replaceAll("-", " ");
  return verb.charAt(0).toUpperCase() + verb.slice(1);
};

/** Does something to an instance, on its dock. */
export const act = (instance: Pick<Instance, "id" | "dock" | "name">, action: string, fields: Record<string, unknown> = {}) =>
  send(action, { ...fields, id: instance.id, dock: instance.dock }, instance.id, instance.name);
