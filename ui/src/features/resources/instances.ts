// All instances, for screens that say who uses something.
import { useEffect, useMemo } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { q, type InstanceFilter } from "@/api/client";
import type { Instance } from "@/api/types";

const NONE: Instance[] = [];
const EVERYONE: InstanceFilter = {};

export interface All {
  instances: Instance[];
  /** Whether these are all: until then nobody may be called unused. */
  complete: boolean;
}

export function useAllInstances(filter = EVERYONE): All {
  const { data, hasNextPage, isFetchingNextPage, isError, fetchNextPage } = useInfiniteQuery(q.instances(filter));
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  const instances = useMemo(() => data?.pages.flatMap((page) => page.instances) ?? NONE, [data]);
  return { instances, complete: !!data && !hasNextPage };
}
