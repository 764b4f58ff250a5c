// How the list of containers is asked for, and how that stands in the address.
import type { InstanceFilter } from "@/api/client";
import type { Condition, Counts } from "@/api/types";
import type { ListSearch } from "@/app/router";

export const CONDITIONS: [Condition, string][] = [
  ["failing", "Failing"],
  ["restarting", "Restarting"],
  ["starting", "Starting"],
  ["running", "Running"],
  ["paused", "Paused"],
  ["stopped", "Stopped"],
  ["unknown", "Unknown"],
];
/** Those that are rare are only offered where there are such. */
const RARE: Condition[] = ["starting", "paused"];

const list = (text: string | undefined) => (text ? text.split(",") : []);

export const wanted = (search: ListSearch): Condition[] => list(search.state) as Condition[];

/** The chips: of rare conditions only those that there are, or that are asked for. */
export const chips = (search: ListSearch, counts: Counts | undefined) =>
  CONDITIONS.filter(([condition]) => !RARE.includes(condition) || wanted(search).includes(condition) || (counts?.[condition] ?? 0) > 0);

/** What the address is after a click on a chip. */
export function toggled(search: ListSearch, condition: Condition): ListSearch {
  const now = wanted(search);
  const next = now.includes(condition) ? now.filter((one) => one !== condition) : [...now, condition];
  const { state: _, ...rest } = search;
  return next.length ? { ...rest, state: next.join(",") } : rest;
}

/** Whether anything keeps rows away. */
export const isFiltered = (search: ListSearch) => Boolean(search.q || search.dock || search.state || search.owner || search.mine);

/** Without what keeps rows away: the order stays. */
export const cleared = ({ sort, group }: ListSearch): ListSearch => ({ ...(sort ? { sort } : {}), ...(group ? { group } : {}) });

/** What the node is asked. In groups the docks come one after another. */
export function filterOf({ group, sort, ...search }: ListSearch): InstanceFilter {
  const order = group === "dock" ? "dock" : sort;
  return order ? { ...search, sort: order } : search;
}

/** The order after a click on a head: upwards, downwards. Without one it is by state, failing first. */
export function sortedBy(search: ListSearch, column: string): ListSearch {
  const now = search.sort ?? "state";
  const { group: _, sort: __, ...rest } = search;
  const next = now === column ? `-${column}` : column;
  return next === "state" ? rest : { ...rest, sort: next };
}
