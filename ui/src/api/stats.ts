// What running containers use: one stream per dock of which somebody looks at rows, and the last two minutes of each
// container in rings outside React, so that a tick draws only the cells that are seen.
import { useEffect, useSyncExternalStore } from "react";
import { stream, type Channel, type Streaming } from "./streams";
import type { DockStats, Sample } from "./types";
import { Ring } from "./ring";
import { parseVisible } from "./visible";

/** Two minutes at one sample in two seconds. */
export const SAMPLES = 60;
/** A container that was not spoken of for so long no longer has numbers. */
const OLD = 10_000;
/** Somebody who scrolls comes back to a dock: its stream is kept for a moment. */
const LINGER = 5_000;
const LONGEST_PAUSE = 30_000;

export interface Sampled extends Sample {
  at: number;
}
export type Samples = readonly Sampled[];
const NONE: Samples = [];

const rings = new Map<string, Ring<Sampled>>();
const watchers = new Map<string, Set<() => void>>();

function take(line: DockStats) {
  for (const [id, sample] of Object.entries(line.containers)) {
    const ring = rings.get(id) ?? new Ring<Sampled>(SAMPLES);
    rings.set(id, ring);
    const last = ring.last;
    if (last && line.at - last.at > OLD) ring.clear();
    ring.push({ ...sample, at: line.at });
    watchers.get(id)?.forEach((run) => run());
  }
}

/** Reads the lines of one stream and hands on what they say. */
function reader(use: (line: DockStats) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes: Uint8Array, channel: Channel) => {
    if (channel !== "data" && channel !== "stdout") return;
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) use(parseVisible<DockStats>(line));
  };
}

interface Watch {
  users: number;
  streaming: Streaming | null;
  tries: number;
  timer: number;
}
const docks = new Map<string, Watch>();

function open(dock: string, watch: Watch) {
  const read = reader((line) => {
    watch.tries = 0;
    take(line);
  });
  const again = () => {
    watch.streaming = null;
    if (docks.get(dock) !== watch) return;
    const pause = Math.min(LONGEST_PAUSE, 1_000 * 2 ** watch.tries++) * (0.5 + Math.random() / 2);
    watch.timer = window.setTimeout(() => open(dock, watch), pause);
  };
  watch.streaming = stream({ action: "dock-stats", dock }, { data: read, end: again });
}

function close(dock: string, watch: Watch) {
  if (watch.users > 0) return;
  docks.delete(dock);
  watch.streaming?.cancel();
}

/** Keeps the statistics of a dock coming until the function it gives is called. */
function watch(dock: string): () => void {
  let one = docks.get(dock);
  if (!one) {
    one = { users: 0, streaming: null, tries: 0, timer: 0 };
    docks.set(dock, one);
    open(dock, one);
  } else if (!one.users) {
    clearTimeout(one.timer);
    if (!one.streaming) open(dock, one);
  }
  const held = one;
  held.users++;
  return () => {
    if (--held.users > 0) return;
    clearTimeout(held.timer);
    held.timer = window.setTimeout(() => close(dock, held), LINGER);
  };
}

/** The statistics of these docks come for as long as the component is there. */
export function useDockStats(names: readonly string[]) {
  const key = [...new Set(names)].sort().join("\n");
  useEffect(() => {
    if (!key) return;
    const ends = key.split("\n").map(watch);
    return () => ends.forEach((end) => end());
  }, [key]);
}

/** The last samples of a container, the newest last. */
export function useSamples(id: string): Samples {
  return useSyncExternalStore(
    (run) => {
      const set = watchers.get(id) ?? new Set();
      watchers.set(id, set.add(run));
      return () => {
        set.delete(run);
        if (!set.size) watchers.delete(id);
      };
    },
    () => rings.get(id)?.snapshot ?? NONE,
  );
}
