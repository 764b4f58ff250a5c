// How many there are, beside the names of the screens.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, q } from "@/api/client";
import type { Docks, Instances } from "@/api/types";
import type { Screen } from "./nav";

/** Read again with the lists of containers, as its key begins like theirs; it has no rows to be patched. */
const containers = queryOptions({ queryKey: ["instances", "counts"], queryFn: async () => (await api<Instances>("/instances?limit=0")).counts });
const answering = ({ docks }: Docks) => `${docks.filter((dock) => dock.reachable).length}/${docks.length}`;

export function useCounts(): Partial<Record<Screen, string>> {
  const { data: counts } = useQuery(containers);
  const { data: docks } = useQuery({ ...q.docks, select: answering });
  return { ...(counts ? { "/containers": counts.all.toLocaleString("en") } : {}), ...(docks && docks !== "0/0" ? { "/docks": docks } : {}) };
}
