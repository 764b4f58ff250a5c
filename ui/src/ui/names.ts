// The names of instances: a request tells only the id of the one that it was about.
import { useMemo } from "react";
import { useInfiniteQuery, useQuery, type InfiniteData } from "@tanstack/react-query";
import { q } from "@/api/client";
import type { ClusterEvent, Events, Instances } from "@/api/types";

export type Names = Record<string, string>;
const NONE: Names = {};

const ofInstances = ({ pages }: InfiniteData<Instances>): Names => Object.fromEntries(pages.flatMap((page) => page.instances.map(({ id, name }) => [id, name])));

/** Those that events tell of, so that what is gone has its name too; the newest name counts. */
export const ofEvents = (events: ClusterEvent[]): Names => Object.fromEntries(events.toReversed().flatMap(({ event, id, name }) => (event !== "request" && id && name ? [[id, name]] : [])));

const namesOfPage = ({ events }: Events) => ofEvents(events);

/** By id. Of many thousands of instances only the first are known; the others go by their ids. */
export function useNames(): Names {
  const { data: gone = NONE } = useQuery({ ...q.events({}), select: namesOfPage });
  const { data: here = NONE } = useInfiniteQuery({ ...q.instances({}), select: ofInstances });
  return useMemo(() => ({ ...gone, ...here }), [gone, here]);
}

/** The name of what something is about, if it does not tell it itself. */
export const nameIn = (names: Names, one: { id: string | null; name: string | null }) => one.name ?? (one.id === null ? null : (names[one.id] ?? null));
