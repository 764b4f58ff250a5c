// Searches the logs of many containers; what is found is there as it comes.
import { useEffect, useState } from "react";
import { query, type ApiError } from "@/api/client";
import { now } from "@/api/clock";
import { ask } from "@/api/ndjson";
import type { Search } from "@/api/types";
import { BEGUN, take, type SearchState } from "./search-state";

export const SINCE = { "15m": 15 * 60, "1h": 3_600, "6h": 6 * 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400 } as const;
export type Since = keyof typeof SINCE;
export const isSince = (text: string | undefined): text is Since => !!text && Object.hasOwn(SINCE, text);

export interface Wanted {
  q: string;
  since: Since;
  level?: string | undefined;
  dock?: string | undefined;
  c?: string | undefined;
}

export interface Searching {
  state: SearchState;
  error: ApiError | null;
  again: () => void;
}

export function useLogSearch(wanted: Wanted | null): Searching {
  const key = wanted && JSON.stringify(wanted);
  const [state, setState] = useState(BEGUN);
  const [error, setError] = useState<ApiError | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    setState(BEGUN);
    setError(null);
    if (!key) return;
    const { since, ...rest } = JSON.parse(key) as Wanted;
    const end = new AbortController();
    const read = async () => {
      const from = Math.floor(now() / 1_000) - SINCE[since];
      for await (const line of ask<Search>(`/logs/search${query({ ...rest, since: from })}`, end.signal)) setState((before) => take(before, line));
    };
    read().catch((failure: ApiError) => {
      if (!end.signal.aborted) setError(failure);
    });
    return () => end.abort();
  }, [key, tries]);
  return { state, error, again: () => setTries((before) => before + 1) };
}
