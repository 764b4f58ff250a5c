// The log of a container as it grows.
import { useEffect, useMemo, useRef, useState } from "react";
import { Button } from "@mantine/core";
import { followLog, type Followed, type LogState } from "@/api/follow-log";
import { LineStore, useLines } from "@/api/log-lines";
import type { Instance } from "@/api/types";
import { LogView } from "@/ui/log-view";
import { Silent } from "./silent";

const TAIL = 500;
const MORE = 2_000;

/** Begins anew when the container does: a log that one follows ends with its container. */
function useLog({ id, dock }: Instance, on: boolean) {
  const lines = useMemo(() => new LineStore(), [id]);
  const followed = useRef<Followed | null>(null);
  const [state, setState] = useState<LogState>({ is: "opening" });
  const [earlier, setEarlier] = useState<"more" | "loading" | "none">("more");
  const [tries, setTries] = useState(0);
  const ended = state.is === "ended";
  // One that ended while it is on has been started again.
  const run = on && ended ? "again" : "once";
  useEffect(() => {
    lines.clear();
    const one = followLog({ id, dock, tail: TAIL }, lines, setState);
    followed.current = one;
    return one.stop;
  }, [id, dock, lines, tries]);
  useEffect(() => {
    if (run !== "again") return;
    const timer = setTimeout(() => setTries((before) => before + 1), 1_500);
    return () => clearTimeout(timer);
  }, [run]);
  const onEarlier = async () => {
    setEarlier("loading");
    setEarlier((await followed.current!.earlier(MORE)) ? "more" : "none");
  };
  return { lines, state, earlier, onEarlier, retry: () => setTries((before) => before + 1) };
}

export function Log({ instance }: { instance: Instance }) {
  const reachable = instance.condition !== "unknown";
  if (!reachable) return <Silent instance={instance} what="Its log is on the dock, and comes again when that answers." />;
  return <Following instance={instance} />;
}

const WORDS: Record<LogState["is"], string> = {
  opening: "Reading the log…",
  following: "It has written nothing yet.",
  ended: "It has written nothing.",
  broken: "",
  failed: "",
};

function Following({ instance }: { instance: Instance }) {
  const { lines, state, earlier, onEarlier, retry } = useLog(instance, instance.state === "running");
  // Fewer lines than were asked for are all that there are.
  const all = useLines(lines).lines.length < TAIL;
  const failed = state.is === "failed" || state.is === "broken";
  const notes = failed ? (
    <div className="log-note" role="status">
      {state.message} {state.is === "broken" ? "It is asked again by itself." : <Button size="compact-xs" variant="default" onClick={retry}>Try again</Button>}
      {state.requestId && <span> Request {state.requestId}</span>}
    </div>
  ) : state.is === "ended" ? (
    <div className="log-note">The log has ended, as the container does not run.</div>
  ) : null;
  return <LogView lines={lines} name={instance.name} empty={failed ? state.message : WORDS[state.is]} notes={notes} earlier={all ? "none" : earlier} onEarlier={() => void onEarlier()} />;
}
