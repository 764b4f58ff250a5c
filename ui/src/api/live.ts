// One stream of server-sent events per tab feeds every screen. It reconnects by itself (backoff with jitter, on wake-up, on
// "online"), and says how old the picture is, so that no screen shows what is stale as if it were live.
import { useSyncExternalStore } from "react";
import type { InfiniteData } from "@tanstack/react-query";
import { qc, q } from "./client";
import { now, setClock } from "./clock";
import { settle } from "./requests";
import { parseVisible } from "./visible";
import type { Beats, ClusterEvent, DockChanges, Docks, Hello, Instance, InstanceChanges, Instances, RequestStatus } from "./types";

/** `stale`: not live for fifteen seconds and more, so that values are dimmed. */
export type Link = "connecting" | "live" | "lost" | "stale";
const STALE = 15_000;
/** Beats come every two seconds: a stream without any for so long is dead, whatever the browser thinks of it. */
const SILENCE = 10_000;

const subscribers = new Set<() => void>();
let link: Link = "connecting";
let source: EventSource | null = null;
let heard = Date.now();
let opened = 0;
let tries = 0;
let timer = 0;
let after: string | null = null;
const setLink = (next: Link) => {
  if (next === link) return;
  link = next;
  document.documentElement.dataset["link"] = next;
  subscribers.forEach((run) => run());
};
export const useLink = () => useSyncExternalStore((run) => (subscribers.add(run), () => void subscribers.delete(run)), () => link);

/** Who wants to be told of each event as it comes. */
const listeners = new Set<(event: ClusterEvent) => void>();
export const onEvent = (run: (event: ClusterEvent) => void) => (listeners.add(run), () => void listeners.delete(run));
/** Who wants to know that there may be a gap: the stream was broken off and goes on. */
const returns = new Set<() => void>();
export const onReturn = (run: () => void) => (returns.add(run), () => void returns.delete(run));

let reread = 0;
/** Has the lists read again, soon and once for many changes. */
function listsSoon() {
  if (reread) return;
  reread = window.setTimeout(() => {
    reread = 0;
    for (const what of ["list", "counts"]) void qc.invalidateQueries({ queryKey: ["instances", what] });
  }, 700);
}

function changed({ changed, gone }: InstanceChanges) {
  const byId = new Map(changed.map((one) => [one.id, one]));
  const leaves = new Set(gone);
  let seen = 0;
  qc.setQueriesData<InfiniteData<Instances>>({ queryKey: ["instances", "list"] }, (data) => {
    if (!data) return data;
    let touched = false;
    const pages = data.pages.map((page) => {
      if (!page.instances.some((one) => byId.has(one.id) || leaves.has(one.id))) return page;
      touched = true;
      seen++;
      return { ...page, instances: page.instances.filter((one) => !leaves.has(one.id)).map((one) => byId.get(one.id) ?? one) };
    });
    return touched ? { ...data, pages } : data;
  });
  for (const one of changed) qc.setQueryData<Instance>(["instances", "one", one.dock, one.id], one);
  if (gone.length) void qc.invalidateQueries({ queryKey: ["instances", "one"] });
  if (seen || changed.length || gone.length) listsSoon();
}

function beats({ now: at, docks }: Beats) {
  setClock(at);
  qc.setQueryData<Docks>(["docks"], (data) => data && {
    now: at,
    docks: data.docks.map((dock) => {
      const beat = docks[dock.name];
      return beat ? { ...dock, beats: [...dock.beats, beat.age].slice(-40), usage: beat.usage, lastSeen: beat.age === null ? dock.lastSeen : at - beat.age } : dock;
    }),
  });
}

function docksChanged({ docks, gone }: DockChanges) {
  qc.setQueryData<Docks>(["docks"], (data) => {
    if (!data) return data;
    const byName = new Map(docks.map((dock) => [dock.name, dock]));
    const known = new Set(data.docks.map((dock) => dock.name));
    const left = data.docks.filter((dock) => !gone.includes(dock.name));
    const all = [...left.map((dock) => byName.get(dock.name) ?? dock), ...docks.filter((dock) => !known.has(dock.name))];
    return { ...data, docks: all.sort((a, b) => a.name.localeCompare(b.name)) };
  });
}

function connect() {
  clearTimeout(timer);
  source?.close();
  // EventSource sends Last-Event-ID by itself only on the reconnects that it makes by itself.
  source = new EventSource(`/api/v1/live${after ? `?after=${encodeURIComponent(after)}` : ""}`);
  source.onopen = () => {
    opened = Date.now();
  };
  source.onerror = () => {
    if (link === "live") setLink("lost");
    // A stream that is refused says nothing of why: if the session is over, this finds out.
    if (source?.readyState === EventSource.CLOSED) void qc.fetchQuery({ ...q.docks, staleTime: 0, retry: false }).catch(() => {});
    source?.close();
    again();
  };
  const on = <T,>(name: string, run: (data: T) => void) =>
    source!.addEventListener(name, (message) => {
      heard = Date.now();
      // Where the stream of events goes on if this is the last that comes.
      after = message.lastEventId || after;
      run(parseVisible<T>(message.data as string));
    });
  on<Hello>("hello", (hello) => {
    const returned = tries > 0 || link === "lost" || link === "stale";
    tries = 0;
    setClock(hello.now);
    setLink("live");
    // The stream has begun before these are read, so nothing falls between.
    for (const queryKey of [["docks"], ["instances"], ["requests"]]) void qc.invalidateQueries({ queryKey });
    if (returned || hello.gap) returns.forEach((run) => run());
  });
  on<unknown>("ping", () => {});
  on<Beats>("beats", beats);
  on<DockChanges>("docks", docksChanged);
  on<InstanceChanges>("instances", changed);
  on<ClusterEvent>("event", (event) => listeners.forEach((run) => run(event)));
  on<RequestStatus>("request", (request) => {
    settle(request);
    void qc.invalidateQueries({ queryKey: q.requests.queryKey });
  });
  on<unknown>("ended", () => {
    // The session is over: whoever asks next is sent to the login.
    source?.close();
    void qc.invalidateQueries({ queryKey: ["me"] });
    void qc.fetchQuery({ ...q.docks, staleTime: 0 }).catch(() => {});
  });
}

const again = () => {
  clearTimeout(timer);
  timer = window.setTimeout(connect, Math.min(15_000, 500 * 2 ** tries++) * (0.5 + Math.random() / 2));
};

let started: AbortController | null = null;
export function start() {
  if (started) return;
  started = new AbortController();
  const { signal } = started;
  connect();
  const silent = () => source?.readyState === EventSource.OPEN && Date.now() - Math.max(heard, opened) > SILENCE;
  const wake = () => {
    if (document.visibilityState === "visible" && (source?.readyState === EventSource.CLOSED || silent())) connect();
  };
  document.addEventListener("visibilitychange", wake, { signal });
  window.addEventListener("online", connect, { signal });
  const watch = setInterval(() => {
    if (silent()) {
      if (link === "live") setLink("lost");
      connect();
    }
    if (link === "lost" && Date.now() - heard > STALE) setLink("stale");
  }, 2_000);
  signal.addEventListener("abort", () => clearInterval(watch));
}
export function stop() {
  started?.abort();
  started = null;
  clearTimeout(timer);
  source?.close();
  source = null;
  after = null;
  tries = 0;
  setLink("connecting");
}
export { now };
