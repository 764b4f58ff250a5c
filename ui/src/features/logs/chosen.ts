// The containers that the address names: DOCK/ID each, comma separated.
import { useQueries } from "@tanstack/react-query";
import { q } from "@/api/client";
import type { Instance } from "@/api/types";

/** More streams than these are of no use to a reader. */
export const MOST = 30;

export interface Chosen {
  dock: string;
  id: string;
  /** Its name; with its dock where another chosen one is called the same. */
  label: string;
  instance: Instance | null;
  /** That it is not there any more. */
  gone: boolean;
}

export function read(c: string | undefined): { dock: string; id: string }[] {
  const all = (c ?? "").split(",").flatMap((one) => {
    const at = one.indexOf("/");
    return at > 0 && at < one.length - 1 ? [{ dock: one.slice(0, at), id: one.slice(at + 1) }] : [];
  });
  return all.filter(({ dock, id }, at) => all.findIndex((one) => one.dock === dock && one.id === id) === at).slice(0, MOST);
}

export const write = (chosen: { dock: string; id: string }[]) => chosen.map(({ dock, id }) => `${dock}/${id}`).join(",") || undefined;

/** `known`: whether it is known of each what it is called, so that lines can bear their names. */
export function useChosen(c: string | undefined): { chosen: Chosen[]; known: boolean } {
  const places = read(c);
  const found = useQueries({ queries: places.map(({ dock, id }) => q.instance(dock, id)) });
  const names = found.map(({ data }, at) => data?.name ?? places[at]!.id.slice(0, 12));
  const chosen = places.map((place, at) => {
    const name = names[at]!;
    const twice = names.filter((other) => other === name).length > 1;
    return { ...place, label: twice ? `${name}@${place.dock}` : name, instance: found[at]!.data ?? null, gone: found[at]!.isError };
  });
  return { chosen, known: found.every((one) => !one.isPending) };
}
