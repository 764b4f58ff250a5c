// Points in time as words: how long ago or ahead, and when.
import { ago } from "./fmt";

/** The longer ago, the less exact: `200d`, not `200d 3h`; `3h`, not `3h 0m`. */
const rough = (from: number, to: number) =>
  ago(from, to)
    .replace(/^(\d{2,}d) .*/, "$1")
    .replace(/ 0[hm]$/, "");

/** `4m ago`, `just now`, `in 3d 4h`. */
export function relative(at: number, now: number): string {
  if (Math.abs(now - at) < 1_000) return "just now";
  return at > now ? `in ${rough(now, at)}` : `${rough(at, now)} ago`;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat("en-GB", CLOCK);
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", ...CLOCK, timeZoneName: "short" });

/** `21:06:56`. */
export const clockTime = (at: number) => clock.format(at);

/** `21:06:56` of today; `27 Nov 21:06` or `27 Nov 2025` of another day. */
export function absolute(at: number, now: number): string {
  const then = new Date(at);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return clockTime(at);
  if (then.getFullYear() !== today.getFullYear()) return `${day.format(at)} ${then.getFullYear()}`;
  return `${day.format(at)} ${clockTime(at).slice(0, 5)}`;
}

/** `21:06`, with the day if it is another one. */
export function minuteTitle(at: number, now: number): string {
  const minute = clockTime(at).slice(0, 5);
  return new Date(at).toDateString() === new Date(now).toDateString() ? minute : `${day.format(at)}, ${minute}`;
}

/** The whole of it, with its zone. */
export const fullTime = (at: number) => full.format(at);

/** How long something took: `96 ms`, `1.2 s`, `3m`. */
export function took(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ago(0, ms);
}
