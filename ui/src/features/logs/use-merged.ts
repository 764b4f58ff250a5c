// Follows the logs of several containers into one store, by time.
import { useEffect, useMemo, useRef, useState } from "react";
import { now } from "@/api/clock";
import { followLog, type LogState } from "@/api/follow-log";
import { LineStore } from "@/api/log-lines";
import type { Chosen } from "./chosen";

/** Of each so many lines of its past, and not more than so many together. */
const TAIL = 500;
const TOGETHER = 4_000;
const PAUSE = 1_500;

export type States = Record<string, LogState>;
export const keyOf = ({ dock, id }: { dock: string; id: string }) => `${dock}/${id}`;

interface Ended {
  at: number;
}

export function useMerged(chosen: Chosen[], on: boolean): { lines: LineStore; states: States } {
  // Other sources are another log.
  const key = on ? chosen.map((one) => `${keyOf(one)} ${one.label}`).join(",") : "";
  const lines = useMemo(() => new LineStore(), [key]);
  const [states, setStates] = useState<States>({});
  const ended = useRef(new Map<string, Ended>());
  const stops = useRef(new Map<string, () => void>());

  const follow = (one: Chosen, since?: number) => {
    const name = keyOf(one);
    stops.current.get(name)?.();
    const tail = Math.max(50, Math.min(TAIL, Math.floor(TOGETHER / chosen.length)));
    const followed = followLog({ id: one.id, dock: one.dock, source: one.label, tail, ...(since === undefined ? {} : { since }) }, lines, (state) => {
      if (state.is === "ended") ended.current.set(name, { at: now() });
      setStates((before) => ({ ...before, [name]: state }));
    });
    stops.current.set(name, followed.stop);
  };

  useEffect(() => {
    if (!key) return;
    const running = stops.current;
    const over = ended.current;
    for (const one of chosen) if (!one.gone) follow(one);
    return () => {
      for (const stop of running.values()) stop();
      running.clear();
      over.clear();
      setStates({});
    };
    // Which they are is in `key`; how they are does not begin the logs anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);

  // A log ends with its container, and goes on when that is started again.
  const back = chosen.filter((one) => states[keyOf(one)]?.is === "ended" && one.instance?.state === "running");
  const backKey = back.map(keyOf).join(",");
  useEffect(() => {
    if (!backKey) return;
    const timer = setTimeout(() => {
      // What was read until it ended is not read again.
      for (const one of back) follow(one, Math.ceil((ended.current.get(keyOf(one))?.at ?? now()) / 1_000) * 1_000);
    }, PAUSE);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [backKey]);

  return { lines, states };
}
