// A list of events that grows at both ends: live ones above, older ones on demand below, and marks where some may be missing.
import type { ClusterEvent } from "@/api/types";

export interface EventFilter {
  dock?: string | undefined;
  kind?: string | undefined;
  who?: string | undefined;
  q?: string | undefined;
  id?: string | undefined;
}

/** Where the live stream was broken off: between `below`, the newest that was known, and what came after. */
export interface Gap {
  below: string;
  /** Whether what happened meanwhile has been read. */
  closed: boolean;
}

export interface Feed {
  /** The newest first. */
  events: ClusterEvent[];
  /** Whether there are older ones. */
  more: boolean;
  gaps: Gap[];
}

export const EMPTY: Feed = { events: [], more: false, gaps: [] };

/** The order of two places in the stream; the later one is larger. */
export function byPlace(a: string, b: string): number {
  const [time, count = 0] = a.split("-").map(Number) as [number, number?];
  const [otherTime, otherCount = 0] = b.split("-").map(Number) as [number, number?];
  return time - otherTime || count - otherCount;
}

function union(known: ClusterEvent[], more: ClusterEvent[]): ClusterEvent[] {
  const all = new Map([...known, ...more].map((event) => [event.at, event]));
  return [...all.values()].sort((a, b) => byPlace(b.at, a.at));
}

/** So many are kept of a list that is left open. */
const MOST = 5_000;

/** Adds one that has just happened. */
export function withLive(feed: Feed, event: ClusterEvent): Feed {
  const events = union(feed.events, [event]);
  return { ...feed, events: events.slice(0, MOST), more: feed.more || events.length > MOST };
}

/** Adds a page that ends with what is oldest in it; `whole`: it is all there was above. It closes the gaps that it reaches over. */
export function withPage(feed: Feed, page: ClusterEvent[], more: boolean): Feed {
  const oldest = page.at(-1)?.at;
  const reaches = (place: string) => !more || (oldest !== undefined && byPlace(oldest, place) <= 0);
  const lowest = feed.events.at(-1)?.at;
  return {
    events: union(feed.events, page),
    // A page of the newest says nothing of what is below what was known already.
    more: lowest === undefined || (oldest !== undefined && byPlace(oldest, lowest) < 0) || page.length === 0 ? more : feed.more,
    gaps: feed.gaps.map((gap) => (gap.closed || !reaches(gap.below) ? gap : { ...gap, closed: true })),
  };
}

/** The live stream was broken off, and goes on. */
export function broken(feed: Feed): Feed {
  const newest = feed.events[0]?.at;
  if (newest === undefined || feed.gaps.some((gap) => gap.below === newest)) return feed;
  return { ...feed, gaps: [...feed.gaps, { below: newest, closed: false }] };
}

/** Whether an event fits as the node would say; `kind` is the beginning of its name, several with commas between. */
export function fits(event: ClusterEvent, { dock, kind, who, q, id }: EventFilter): boolean {
  if (dock && event.dock !== dock) return false;
  if (who && event.user !== who) return false;
  if (id && event.id !== id) return false;
  if (kind && !kind.split(",").some((start) => event.event.startsWith(start))) return false;
  if (!q) return true;
  const texts = [event.event, event.dock, event.id, event.name, event.image, event.user, event.action, event.about, event.requestId, event.error].map((text) => text?.toLowerCase() ?? "");
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => texts.some((text) => text.includes(word)));
}

/** What happened in one minute, by the clock of whoever looks. */
export interface Minute {
  /** Its beginning, in ms. */
  start: number;
  events: ClusterEvent[];
}

const MINUTE = 60_000;

/** The newest minute first, as the events are. */
export function byMinute(events: ClusterEvent[]): Minute[] {
  const minutes: Minute[] = [];
  for (const event of events) {
    const start = event.time - (event.time % MINUTE);
    const last = minutes.at(-1);
    if (last?.start === start) last.events.push(event);
    else minutes.push({ start, events: [event] });
  }
  return minutes;
}

/** Events that follow each other without a break; `gap` is the one above them. */
export interface Segment {
  gap: Gap | null;
  events: ClusterEvent[];
}

/** The newest segment first. */
export function segments(events: ClusterEvent[], gaps: Gap[]): Segment[] {
  const breaks = gaps.toSorted((a, b) => byPlace(b.below, a.below));
  const all: Segment[] = [{ gap: null, events: [] }];
  for (const event of events) {
    while (breaks.length && byPlace(event.at, breaks[0]!.below) <= 0) all.push({ gap: breaks.shift()!, events: [] });
    all.at(-1)!.events.push(event);
  }
  return all.filter(({ gap, events: those }) => gap || those.length > 0);
}
