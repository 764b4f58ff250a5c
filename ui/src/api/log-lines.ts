// Log lines outside React: bytes of a stream become lines, a store keeps the newest of them and tells whoever shows them at
// most once a frame.
import { useSyncExternalStore } from "react";
import type { Channel } from "./streams";

export type Level = "error" | "warn" | "info" | "debug";
export interface Line {
  /** Its number in the store, which never changes. */
  n: number;
  /** In ms since the epoch, with a fraction; of the line before for one without a time. */
  time: number;
  stream: "stdout" | "stderr";
  text: string;
  level: Level;
  /** What wrote it, where lines of several are shown together. */
  source?: string;
}
export type NewLine = Omit<Line, "n">;

/** So many lines are kept; the oldest go first. */
export const KEPT = 20_000;
/** Dropping a few at a time would copy the whole list for each new line. */
const SLACK = 1_000;
/** A line that does not end is cut here. */
const LONGEST = 32 * 1024;

const ERROR = /\b(error|err|fatal|panic|crit(?:ical)?|exception|traceback|emerg|alert)\b/i;
const WARN = /\b(warn(?:ing)?|deprecated|slow query)\b/i;
const DEBUG = /\b(debug|trace)\b/i;
/** Where programs say the level as a field, that counts and not what the message speaks of. */
const FIELD = /(?:"(?:level|severity|lvl|log\.level)"\s*:\s*"|\b(?:level|lvl|severity)=["']?)([a-z]+)/i;

export function levelOf(text: string): Level {
  const head = text.length > 400 ? text.slice(0, 400) : text;
  const said = FIELD.exec(head)?.[1] ?? head;
  if (ERROR.test(said)) return "error";
  if (WARN.test(said)) return "warn";
  return DEBUG.test(said) ? "debug" : "info";
}

// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const plain = (text: string) => (text.includes("\u001b") ? text.replace(ESCAPES, "") : text).replace(CONTROLS, "");

/** What a terminal would show of a line that was written over with carriage returns. */
function settled(text: string): string {
  const end = text.endsWith("\r") ? text.slice(0, -1) : text;
  return end.slice(end.lastIndexOf("\r") + 1);
}

/** A line as it is read: without colours and other orders to a terminal. */
export const readable = (text: string) => plain(settled(text));

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) ?/;

/** Makes lines of the chunks of one log; they may break anywhere, also within a character. */
export class LineParser {
  private readonly halves = { stdout: { decoder: new TextDecoder(), rest: "" }, stderr: { decoder: new TextDecoder(), rest: "" } };
  private time = 0;

  constructor(
    private readonly source?: string,
    private readonly clock: () => number = Date.now,
  ) {}

  chunk(bytes: Uint8Array, channel: Channel): NewLine[] {
    const stream = channel === "stderr" ? "stderr" : "stdout";
    const half = this.halves[stream];
    const parts = (half.rest + half.decoder.decode(bytes, { stream: true })).split("\n");
    half.rest = parts.pop() ?? "";
    if (half.rest.length > LONGEST) {
      parts.push(half.rest);
      half.rest = "";
    }
    return parts.map((part) => this.line(part, stream));
  }

  /** The log has ended: what has no end of line is a line as well. */
  end(): NewLine[] {
    const lines: NewLine[] = [];
    for (const stream of ["stdout", "stderr"] as const) {
      const half = this.halves[stream];
      const rest = half.rest + half.decoder.decode();
      half.rest = "";
      if (rest) lines.push(this.line(rest, stream));
    }
    return lines;
  }

  private line(raw: string, stream: "stdout" | "stderr"): NewLine {
    const stamp = STAMP.exec(raw);
    if (stamp) this.time = Date.parse(`${stamp[1]}${stamp[3]}`) + Number(stamp[2] ?? 0) * 1_000;
    else if (!this.time) this.time = this.clock();
    const text = readable(stamp ? raw.slice(stamp[0].length) : raw);
    return { time: this.time, stream, text, level: levelOf(text), ...(this.source === undefined ? {} : { source: this.source }) };
  }
}

export interface Lines {
  lines: readonly Line[];
  /** How many were dropped because there were too many. */
  dropped: number;
  /** How many chunks the bus kept no longer when they were to be read. */
  missing: number;
}

/** An external store of lines; one screen has one, and fills it from one log or several. */
export class LineStore {
  private lines: Line[] = [];
  private fresh: Line[] = [];
  private last = 0;
  private first = 0;
  private dropped = 0;
  private missing = 0;
  private frame = 0;
  private state: Lines = { lines: [], dropped: 0, missing: 0 };
  private readonly subscribers = new Set<() => void>();

  readonly subscribe = (run: () => void) => {
    this.subscribers.add(run);
    return () => void this.subscribers.delete(run);
  };
  readonly snapshot = () => this.state;

  /** New lines; those of several logs are put in the order of their times. */
  push(lines: NewLine[]) {
    for (const line of lines) this.fresh.push({ ...line, n: ++this.last });
    if (lines.length) this.soon();
  }

  /** Lines from before the first. */
  unshift(lines: NewLine[]) {
    const room = Math.max(0, KEPT - this.lines.length);
    const older = lines.slice(Math.max(0, lines.length - room));
    this.first -= older.length;
    this.lines = [...older.map((line, at) => ({ ...line, n: this.first + at })), ...this.lines];
    this.soon();
  }

  gap(missing: number) {
    this.missing += missing;
    this.soon();
  }

  /** The time of the oldest line that is kept. */
  get oldest(): number | undefined {
    return (this.lines[0] ?? this.fresh[0])?.time;
  }

  clear() {
    this.lines = [];
    this.fresh = [];
    this.dropped = 0;
    this.missing = 0;
    this.soon();
  }

  private soon() {
    // A tab that nobody looks at has no frames, but its lines must not pile up.
    if (this.frame && this.fresh.length < KEPT) return;
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.flush());
    if (this.fresh.length >= KEPT) this.flush();
  }

  private flush() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    const before = this.lines.at(-1)?.time ?? 0;
    const all = this.lines.concat(this.fresh);
    if (this.fresh.some((line, at) => line.time < (at ? this.fresh[at - 1]!.time : before))) all.sort((a, b) => a.time - b.time);
    this.fresh = [];
    if (all.length > KEPT + SLACK) this.dropped += all.splice(0, all.length - KEPT).length;
    this.lines = all;
    this.state = { lines: all, dropped: this.dropped, missing: this.missing };
    for (const run of this.subscribers) run();
  }
}

export const useLines = (store: LineStore) => useSyncExternalStore(store.subscribe, store.snapshot);
