// Which docks a new instance may be placed on, as far as this page knows: the worker that places it decides.
import type { Dock } from "@/api/types";
import type { Pair } from "./form";

/** Why no new instance can be placed there. */
export function closed(dock: Dock): string | null {
  if (dock.daemon === "down" && dock.state === "up") return "its Docker daemon does not answer";
  if (dock.state === "drained") return "drained: it takes no new instances";
  if (dock.state === "unregistered") return "taken out of the pool";
  if (dock.state === "stopped") return "its worker is stopped";
  return dock.reachable ? null : "does not answer";
}

const fits = (dock: Dock, labels: Pair[]) => labels.filter(({ name }) => name).every(({ name, value }) => dock.labels[name] === value);

/** The docks that may be picked, and which that would be now, as far as is known. */
export function candidates(docks: Dock[], labels: Pair[]): Dock[] {
  return docks.filter((dock) => !closed(dock) && fits(dock, labels)).sort((a, b) => a.running - b.running || a.name.localeCompare(b.name));
}
