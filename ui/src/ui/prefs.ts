// How somebody wants to see things; kept by the browser.
import { useSyncExternalStore } from "react";
import "./density.css";

export interface Prefs {
  /** How high the rows of tables are. */
  density: "comfortable" | "compact";
  /** Whether times say how long ago, or when. */
  times: "relative" | "absolute";
}

const KEY = "deblox.prefs";
const DEFAULTS: Prefs = { density: "comfortable", times: "relative" };

function kept(): Prefs {
  try {
    const { density, times } = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Prefs>;
    return { density: density === "compact" ? density : DEFAULTS.density, times: times === "absolute" ? times : DEFAULTS.times };
  } catch {
    return DEFAULTS;
  }
}

const subscribers = new Set<() => void>();
let prefs = kept();
const apply = () => {
  document.documentElement.dataset["density"] = prefs.density;
};
apply();

export function setPrefs(change: Partial<Prefs>) {
  prefs = { ...prefs, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // A browser that keeps nothing has them until the page is left.
  }
  apply();
  subscribers.forEach((run) => run());
}

// Other tabs follow.
window.addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  prefs = kept();
  apply();
  subscribers.forEach((run) => run());
});

const subscribe = (run: () => void) => (subscribers.add(run), () => void subscribers.delete(run));
export const usePrefs = () => useSyncExternalStore(subscribe, () => prefs);
