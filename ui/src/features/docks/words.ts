// What is known of a dock that tells nothing new, and what its host uses.
import type { Dock, HostUsage } from "@/api/types";

export interface Silence {
  what: string;
  /** What `since` is the time of. */
  last: "Last heartbeat" | "Last known";
  since: number | null;
}

/** Why nothing new is known of what a dock has; null for one that answers. */
export function silence(dock: Dock): Silence | null {
  if (dock.reachable) return null;
  const heard = { last: "Last heartbeat", since: dock.lastSeen } as const;
  if (dock.state === "never seen") return { what: `${dock.name} was never heard.`, ...heard };
  if (dock.state === "stopped") return { what: `The worker of ${dock.name} was stopped.`, ...heard };
  if (dock.state !== "lost" && dock.daemon === "down") return { what: `Docker does not answer on ${dock.name}.`, last: "Last known", since: dock.lastKnown };
  return { what: `${dock.name} does not answer.`, ...heard };
}

/** `12` of those that run, where that is known. */
export const runningOf = (dock: Dock) => (dock.reachable ? dock.running.toLocaleString("en") : "?");

/** Per cent, or null where one of the two is not known. */
export const share = (part: number | null | undefined, whole: number | null | undefined) => (part == null || !whole ? null : (100 * part) / whole);

export const shares = (usage: HostUsage | null) => ({
  cpu: usage?.cpu ?? null,
  memory: share(usage?.memory, usage?.memoryTotal),
  disk: share(usage?.disk, usage?.diskTotal),
});

/** How old heartbeats were on average, in ms; null where none was heard. */
export function meanAge(beats: Dock["beats"]): number | null {
  const heard = beats.filter((age) => age !== null);
  return heard.length ? heard.reduce((sum, age) => sum + age, 0) / heard.length : null;
}

/** Those that somebody should look at first. */
const RANK: Record<Dock["state"], number> = { lost: 0, "never seen": 3, stopped: 2, up: 4, drained: 4, unregistered: 5 };
const rank = (dock: Dock) => (dock.reachable || RANK[dock.state] < 4 ? RANK[dock.state] : 1);
export const byNeed = (docks: Dock[]) => docks.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
