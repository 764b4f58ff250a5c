// Times that go on by themselves: one timer for all of them, and only those are drawn again whose words change.
import { useSyncExternalStore } from "react";
import { now } from "@/api/clock";
import { ago } from "./fmt";
import { usePrefs } from "./prefs";
import { absolute, fullTime, relative } from "./times";

const subscribers = new Set<() => void>();
let timer = 0;
function subscribe(run: () => void) {
  subscribers.add(run);
  timer ||= window.setInterval(() => subscribers.forEach((each) => each()), 1_000);
  return () => {
    subscribers.delete(run);
    if (subscribers.size) return;
    clearInterval(timer);
    timer = 0;
  };
}

/** What follows from the time that it is, at each second; `read` gives a text or a number, so that it is seen when it changes. */
export const useTicking = <T extends string | number | boolean>(read: (now: number) => T) => useSyncExternalStore(subscribe, () => read(now()));

/** `4m ago` (`bare`: `4m`), or when that was, as whoever looks prefers it; the whole of it on hover. */
export function Ago({ at, bare = false }: { at: number; bare?: boolean }) {
  const { times } = usePrefs();
  const words = useTicking((time) => (times === "absolute" ? absolute(at, time) : bare ? ago(at, time) : relative(at, time)));
  return (
    <time className="num" dateTime={new Date(at).toISOString()} data-tip={fullTime(at)}>
      {words}
    </time>
  );
}

/** For how long it has been so, whatever people prefer: `4m`. */
export function For({ since }: { since: number }) {
  const words = useTicking((time) => ago(since, time));
  return (
    <time className="num" dateTime={new Date(since).toISOString()} data-tip={`Since ${fullTime(since)}`}>
      {words}
    </time>
  );
}
