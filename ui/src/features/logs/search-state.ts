// What a search over the logs of many docks has brought so far.
import { readable } from "@/api/log-lines";
import type { LogLine, Search } from "@/api/types";

export interface Found {
  dock: string;
  id: string;
  name: string;
  lines: LogLine[];
  truncated: boolean;
}
export interface Missed {
  dock: string;
  id: string;
  name: string;
  message: string;
}
export interface SearchState {
  /** How many containers are looked through on each dock; null before it is known. */
  docks: Record<string, number> | null;
  containers: number;
  /** How many fit and are left out, as there are too many. */
  leftOut: number;
  found: Found[];
  missed: Missed[];
  /** How many containers have answered; null while it goes on. */
  answered: number | null;
}

export const BEGUN: SearchState = { docks: null, containers: 0, leftOut: 0, found: [], missed: [], answered: null };

export function take(state: SearchState, line: Search): SearchState {
  switch (line.type) {
    case "plan":
      return { ...state, docks: line.docks, containers: line.containers, leftOut: line.leftOut };
    case "found":
      return { ...state, found: [...state.found, { dock: line.dock, id: line.id, name: line.name, lines: line.lines.map((one) => ({ ...one, text: readable(one.text) })), truncated: line.truncated }] };
    case "failed":
      return { ...state, missed: [...state.missed, { dock: line.dock, id: line.id, name: line.name, message: line.message }] };
    case "done":
      return { ...state, answered: line.answered };
  }
}

export interface Answers {
  asked: number;
  answered: number;
  /** Docks of which nothing was heard, and why. */
  silent: { dock: string; message: string }[];
  /** Docks that answered for a part of their containers. */
  partly: { dock: string; missed: Missed[] }[];
}

/** Which docks have answered; a dock has if any of its containers could be read. */
export function answers({ docks, missed }: SearchState): Answers {
  const names = Object.keys(docks ?? {}).sort();
  const of = (dock: string) => missed.filter((one) => one.dock === dock);
  const silent = names.filter((dock) => of(dock).length >= docks![dock]!).map((dock) => ({ dock, message: of(dock)[0]!.message }));
  const partly = names.filter((dock) => of(dock).length > 0 && of(dock).length < docks![dock]!).map((dock) => ({ dock, missed: of(dock) }));
  return { asked: names.length, answered: names.length - silent.length, silent, partly };
}

export interface Hit extends LogLine {
  dock: string;
  id: string;
  name: string;
}

/** All lines that were found, the newest first. */
export const hits = ({ found }: SearchState): Hit[] => found.flatMap(({ dock, id, name, lines }) => lines.map((line) => ({ ...line, dock, id, name }))).sort((a, b) => b.time - a.time);
