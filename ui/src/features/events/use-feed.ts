// The events that fit, as they come.
import { useEffect, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { api, q, qc, query } from "@/api/client";
import { onEvent, onReturn } from "@/api/live";
import type { Events } from "@/api/types";
import { broken, EMPTY, fits, withLive, withPage, type EventFilter, type Feed } from "./feed";

const PAGE = 300;

const kept = (filter: EventFilter): Feed => {
  const data = qc.getQueryData(q.events(filter).queryKey);
  return data ? withPage(EMPTY, data.events, data.more) : EMPTY;
};

/** `filter` may not change: a list of others has another `key`. */
export function useFeed(filter: EventFilter) {
  const first = useQuery({ ...q.events(filter), refetchOnMount: "always" });
  const [feed, setFeed] = useState(() => kept(filter));
  const asked = useRef(filter);
  const { data, refetch } = first;

  useEffect(() => {
    if (data) setFeed((known) => withPage(known, data.events, data.more));
  }, [data]);
  useEffect(() => onEvent((event) => fits(event, asked.current) && setFeed((known) => withLive(known, event))), []);
  useEffect(
    () =>
      onReturn(() => {
        setFeed(broken);
        void refetch();
      }),
    [refetch],
  );

  const [older, setOlder] = useState<"idle" | "asked" | Error>("idle");
  /** Reads those before one. */
  async function before(at: string) {
    setOlder("asked");
    try {
      const page = await api<Events>(`/events${query({ ...filter, before: at, limit: PAGE })}`);
      setFeed((known) => withPage(known, page.events, page.more));
      setOlder("idle");
    } catch (error) {
      setOlder(error as Error);
    }
  }
  return { feed, first, older, before };
}
