// Pulls that this tab has begun. They live outside of the screens, so that one can be left and come back to.
import { useSyncExternalStore } from "react";
import { q, qc } from "@/api/client";
import { Lines } from "@/api/ndjson";
import { stream, type End, type Streaming } from "@/api/streams";
import { parseVisible } from "@/api/visible";
import { advance, NOTHING, type Progress, type Said } from "./progress";

export interface Pull {
  dock: string;
  image: string;
  state: "pulling" | "asking again" | "done" | "failed" | "cancelled";
  progress: Progress;
  /** Why it failed, and the request that did. */
  message: string | null;
  requestId: string | null;
  /** Whether that was the way to the dock, and not the dock or the registry. */
  broken: boolean;
}

const TRIES = 5;
const subscribers = new Set<() => void>();
let pulls: Pull[] = [];
const streams = new Map<string, Streaming>();

const key = ({ dock, image }: Pick<Pull, "dock" | "image">) => `${dock} ${image}`;
const set = (next: Pull[]) => {
  pulls = next;
  subscribers.forEach((run) => run());
};
const change = (one: Pick<Pull, "dock" | "image">, fields: Partial<Pull>) => set(pulls.map((pull) => (key(pull) === key(one) ? { ...pull, ...fields } : pull)));

export const usePulls = () => useSyncExternalStore((run) => (subscribers.add(run), () => void subscribers.delete(run)), () => pulls);
export const underWay = (pull: Pull) => pull.state === "pulling" || pull.state === "asking again";

/** Pulls an image to a dock, and ends with how that went; one that is under way is not begun twice. */
export function pull(dock: string, image: string): Promise<Pull> {
  const before = pulls.find((one) => key(one) === key({ dock, image }));
  if (!before || !underWay(before)) {
    set([...pulls.filter((one) => one !== before), { dock, image, state: "pulling", progress: NOTHING, message: null, requestId: null, broken: false }]);
    open(dock, image, 0);
  }
  return ended(dock, image);
}

export function cancel(one: Pull) {
  streams.get(key(one))?.cancel();
  streams.delete(key(one));
  change(one, { state: "cancelled" });
}

/** Takes what is over off the screen. */
export const forget = () => set(pulls.filter(underWay));

const ended = (dock: string, image: string) =>
  new Promise<Pull>((resolve) => {
    const look = () => {
      const one = pulls.find((pull) => key(pull) === key({ dock, image }));
      if (one && underWay(one)) return;
      subscribers.delete(look);
      resolve(one ?? { dock, image, state: "cancelled", progress: NOTHING, message: null, requestId: null, broken: false });
    };
    subscribers.add(look);
    look();
  });

function open(dock: string, image: string, tries: number) {
  const one = { dock, image };
  const lines = new Lines();
  let progress = NOTHING;
  const take = (said: string[]) => {
    if (!said.length) return;
    progress = said.map(parse).reduce(advance, progress);
    change(one, { state: "pulling", progress });
  };
  const opened = stream(
    { action: "pull-image", dock, image, stream: true },
    {
      data: (bytes) => take(lines.push(bytes)),
      end: (end) => {
        take(lines.rest());
        streams.delete(key(one));
        // Docker keeps the layers that are there, so asking again goes on where it broke.
        if (end.status === 0 && tries < TRIES) {
          change(one, { state: "asking again" });
          setTimeout(() => again(one, tries + 1), 1_000 * 2 ** tries);
          return;
        }
        finish(one, progress, end);
      },
    },
  );
  streams.set(key(one), opened);
}

function again(one: Pick<Pull, "dock" | "image">, tries: number) {
  const now = pulls.find((pull) => key(pull) === key(one));
  if (now?.state === "asking again") open(one.dock, one.image, tries);
}

function finish(one: Pick<Pull, "dock" | "image">, progress: Progress, end: End) {
  const failed = progress.error ?? (end.status >= 200 && end.status < 300 ? null : (end.message ?? "It failed."));
  change(one, { state: failed ? "failed" : "done", message: failed, requestId: end.requestId, broken: end.status === 0 });
  void qc.invalidateQueries({ queryKey: q.images.queryKey });
}

function parse(line: string): Said {
  try {
    return parseVisible<Said>(line);
  } catch {
    return { status: line };
  }
}
