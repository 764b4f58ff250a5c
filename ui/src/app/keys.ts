// Keys for those who like them. One listener for the page; the screen that came last answers first. Single letters can be
// turned off, as they get in the way of people who speak to their computer.
import { useEffect, useRef, useSyncExternalStore } from "react";

type Run = (event: KeyboardEvent) => void;
/** By `/`, `?`, `Escape`, `D` (with Shift), or two letters such as `g o`. */
export type Keys = Record<string, Run>;

const OFF = "deblox.keys-off";
const FIRST_OF_TWO = 1_200;
const layers: { current: Keys }[] = [];
const subscribers = new Set<() => void>();
let first = "";
let timer = 0;

const storedOff = () => {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false;
  }
};
let off = storedOff();

export function setKeysOff(next: boolean) {
  off = next;
  try {
    localStorage.setItem(OFF, next ? "1" : "0");
  } catch {
    // Then it counts for this page only.
  }
  for (const run of subscribers) run();
}
const subscribe = (run: () => void) => (subscribers.add(run), () => void subscribers.delete(run));
export const useKeysOff = () => useSyncExternalStore(subscribe, () => off);

/** Whoever types into something, or answers a dialog, does not mean the page. */
function isElsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  if (target.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true]")) return true;
  return document.querySelector("[role=dialog], [role=menu]") !== null;
}

const find = (name: string) => layers.findLast((layer) => name in layer.current)?.current[name];

function pressed(event: KeyboardEvent) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event)) return;
  if (off && event.key.length === 1) return;
  const name = first ? `${first} ${event.key}` : event.key;
  first = "";
  clearTimeout(timer);
  const run = find(name);
  if (run) {
    event.preventDefault();
    run(event);
  } else if (layers.some((layer) => Object.keys(layer.current).some((key) => key.startsWith(`${name} `)))) {
    first = name;
    timer = window.setTimeout(() => (first = ""), FIRST_OF_TWO);
  }
}

export function useKeys(keys: Keys) {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    if (!layers.length) window.addEventListener("keydown", pressed);
    layers.push(latest);
    return () => {
      layers.splice(layers.indexOf(latest), 1);
      if (!layers.length) window.removeEventListener("keydown", pressed);
    };
  }, []);
}
