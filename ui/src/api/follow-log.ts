// Reads the log of one container into a store of lines: its end, then what comes; again when the stream breaks.
import { LineParser, type LineStore, type NewLine } from "./log-lines";
import { stream, type End, type Streaming } from "./streams";

/** `opening`: nothing came yet; `ended`: the container wrote its last line; `broken`: it is opened again by itself. */
export type LogState = { is: "opening" | "following" | "ended" } | { is: "broken" | "failed"; message: string; requestId: string | null };

export interface LogOf {
  id: string;
  dock: string;
  /** What to call it among others. */
  source?: string;
  /** How many lines of its past. */
  tail: number;
  /** Nothing before this time, in ms. */
  since?: number;
}

export interface Followed {
  stop: () => void;
  /** Reads so many lines more of the past; says whether there may be more. */
  earlier: (lines: number) => Promise<boolean>;
}

/** Docker looks at no more lines of the past than this. */
const DEEPEST = 10_000;
const LONGEST_PAUSE = 15_000;
/** It is no use to try these again. */
const isFinal = (end: End) => end.status >= 400 && end.status < 500;

export function followLog(log: LogOf, store: LineStore, onState: (state: LogState) => void): Followed {
  let streaming: Streaming | null = null;
  let timer = 0;
  let tries = 0;
  let newest = log.since ?? 0;
  let read = 0;
  let oldest = 0;

  /** After a break Docker is asked again from a whole second on: what is there already is left out. */
  const take = (lines: NewLine[], after: number) => {
    const fresh = after ? lines.filter((line) => line.time > after) : lines;
    if (fresh.length === 0) return;
    oldest ||= fresh[0]!.time;
    newest = fresh.at(-1)!.time;
    read += fresh.length;
    store.push(fresh);
  };

  const open = () => {
    const parser = new LineParser(log.source);
    const after = read ? newest : 0;
    const past = read ? { since: Math.floor(newest / 1_000) } : { tail: log.tail, ...(log.since === undefined ? {} : { since: Math.floor(log.since / 1_000) }) };
    onState({ is: read ? "following" : "opening" });
    streaming = stream(
      { action: "container-logs", id: log.id, dock: log.dock, follow: true, timestamps: true, ...past },
      {
        data: (bytes, channel) => {
          if (channel === "head") return;
          tries = 0;
          onState({ is: "following" });
          take(parser.chunk(bytes, channel), after);
        },
        gap: (missing) => store.gap(missing),
        end: (end) => {
          take(parser.end(), after);
          if (!end.error && end.status < 400 && end.status > 0) return onState({ is: "ended" });
          const why = { message: end.message ?? `The log ended with ${end.status}.`, requestId: end.requestId };
          if (isFinal(end)) return onState({ is: "failed", ...why });
          onState({ is: "broken", ...why });
          timer = window.setTimeout(open, Math.min(LONGEST_PAUSE, 1_000 * 2 ** tries++) * (0.5 + Math.random() / 2));
        },
      },
    );
  };
  open();

  return {
    stop: () => {
      clearTimeout(timer);
      streaming?.cancel();
    },
    earlier: async (more) => {
      // Docker counts the lines from the end, and then leaves out the later ones.
      const tail = Math.min(DEEPEST, read + more);
      const lines = (await all(log, tail, Math.ceil(oldest / 1_000))).filter((line) => line.time < oldest);
      if (lines.length) {
        oldest = lines[0]!.time;
        read += lines.length;
        store.unshift(lines);
      }
      return lines.length > 0 && tail < DEEPEST;
    },
  };
}

/** The lines of a part of the past. */
function all(log: LogOf, tail: number, until: number): Promise<NewLine[]> {
  const parser = new LineParser(log.source);
  const lines: NewLine[] = [];
  return new Promise((resolve) => {
    stream(
      { action: "container-logs", id: log.id, dock: log.dock, stream: true, timestamps: true, tail, until },
      {
        data: (bytes, channel) => {
          if (channel !== "head") lines.push(...parser.chunk(bytes, channel));
        },
        end: () => resolve([...lines, ...parser.end()]),
      },
    );
  });
}
