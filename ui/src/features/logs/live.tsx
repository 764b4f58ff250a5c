// The logs of the chosen containers as they grow, as one.
import { useState } from "react";
import { useDebouncedCallback } from "@mantine/hooks";
import type { LineStore } from "@/api/log-lines";
import { LogView, type AtLeast } from "@/ui/log-view";
import type { Chosen } from "./chosen";
import { keyOf, type States } from "./use-merged";

interface Props {
  lines: LineStore;
  states: States;
  chosen: Chosen[];
  query: string;
  level: AtLeast;
  onQuery: (query: string) => void;
  onLevel: (level: AtLeast) => void;
}

export function Live({ lines, states, chosen, query, level, onQuery, onLevel }: Props) {
  // What is typed filters at once, and stands in the address a moment later.
  const [typed, setTyped] = useState(query);
  const say = useDebouncedCallback(onQuery, 250);
  const troubles = chosen.flatMap((one) => {
    const state = states[keyOf(one)];
    if (one.gone) return [{ name: one.label, words: `is not there any more on ${one.dock}.`, requestId: null }];
    if (state?.is === "broken") return [{ name: one.label, words: `broke off, and is asked for again by itself. ${state.message}`, requestId: state.requestId }];
    return state?.is === "failed" ? [{ name: one.label, words: `cannot be read. ${state.message}`, requestId: state.requestId }] : [];
  });
  const over = chosen.filter((one) => states[keyOf(one)]?.is === "ended");
  const notes = (
    <>
      {troubles.map(({ name, words, requestId }) => (
        <div key={name} className="log-note" role="status">
          <b>{name}</b> {words}
          {requestId && <span className="mono"> Request {requestId}</span>}
        </div>
      ))}
      {over.length > 0 && <div className="log-note">{over.map((one) => one.label).join(", ")}: the log has ended, as the container does not run. It goes on here when it is started.</div>}
    </>
  );
  const opening = chosen.some((one) => states[keyOf(one)]?.is === "opening" || !states[keyOf(one)]);
  return (
    <LogView
      lines={lines}
      name={chosen.length === 1 ? chosen[0]!.label : `${chosen.length} containers`}
      sources
      query={typed}
      onQuery={(words) => {
        setTyped(words);
        say(words);
      }}
      level={level}
      onLevel={onLevel}
      notes={notes}
      empty={opening && troubles.length === 0 ? "Reading the logs…" : "They have written nothing yet."}
    />
  );
}
