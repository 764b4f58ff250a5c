// What a search has found, who has answered it, and who has not.
import { useMemo, useRef } from "react";
import { Button } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Link } from "@tanstack/react-router";
import { IconLoader2, IconSearch } from "@tabler/icons-react";
import { levelOf } from "@/api/log-lines";
import { count } from "@/ui/fmt";
import { LogCard } from "@/ui/log-card";
import { absolute, fullTime } from "@/ui/times";
import { now } from "@/api/clock";
import { Empty, Trouble } from "@/ui/trouble";
import { answers, hits, type Hit, type SearchState } from "./search-state";
import type { Searching } from "./use-search";

interface Props {
  searching: Searching;
  words: string;
  onClear: () => void;
}

export function Results({ searching: { state, error, again }, words, onClear }: Props) {
  const lines = useMemo(() => hits(state), [state]);
  const going = state.answered === null && !error;
  if (error && !state.docks) return <Trouble what="The logs" error={error} retry={again} />;
  return (
    <section aria-label="Results" aria-busy={going}>
      <Answered state={state} lines={lines.length} going={going} />
      {error && <Trouble what="The rest of the search" error={error} retry={again} />}
      {lines.length > 0 ? (
        <Lines lines={lines} words={words} />
      ) : going ? (
        <div className="card log-stage" style={{ height: 240 }}>
          <div className="log-empty">Looking…</div>
        </div>
      ) : (
        !error && (
          <Empty
            icon={IconSearch}
            title={state.containers === 0 ? "There is no container to look through" : "No line matches"}
            action={
              <Button variant="default" onClick={onClear}>
                Clear the search
              </Button>
            }
          >
            <p>{state.containers === 0 ? "Choose other docks or containers." : `Nothing was written of it in ${count(state.answered ?? 0, "container")} that answered. Look further back, or for other words.`}</p>
          </Empty>
        )
      )}
    </section>
  );
}

function Answered({ state, lines, going }: { state: SearchState; lines: number; going: boolean }) {
  const { asked, answered, silent, partly } = answers(state);
  const cut = state.found.filter((one) => one.truncated);
  return (
    <div className="answered">
      <p role="status">
        {going && <IconLoader2 size={15} className="spin" aria-hidden />}
        {state.docks === null ? (
          "Asking the docks…"
        ) : (
          <span className="num">
            <b>{going ? `Asking ${count(asked, "dock")}…` : `${answered} of ${count(asked, "dock")} answered`}</b> · {count(lines, "line")} in {count(state.found.length, "container")} of {state.containers.toLocaleString("en")}
          </span>
        )}
      </p>
      {silent.map(({ dock, message }) => (
        <p key={dock} className="faint">
          {message.startsWith(dock) ? sentence(message) : <><b>{dock}</b> did not: {sentence(message)}</>} Its lines are missing here.
        </p>
      ))}
      {partly.map(({ dock, missed }) => (
        <p key={dock} className="faint">
          <b>{dock}</b> answered in part: {missed.map((one) => `${one.name} (${one.message})`).join(", ")}.
        </p>
      ))}
      {state.leftOut > 0 && <p className="faint">Too wide: {count(state.leftOut, "container")} more would fit and were not looked through. Choose docks or containers.</p>}
      {cut.length > 0 && <p className="faint">Of {cut.map((one) => one.name).join(", ")} only the newest lines are here: there are more.</p>}
    </div>
  );
}

const sentence = (text: string) => text.replace(/\.?$/, ".");

const ROW = 24;

function Lines({ lines, words }: { lines: Hit[]; words: string }) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 20 });
  const at = now();
  return (
    <LogCard>
      <div className="log-stage">
        <div ref={box} className="log wrap hits" data-sources tabIndex={0} role="region" aria-label="Lines that were found">
          <div className="log-rows" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const line = lines[item.index]!;
              return (
                <div key={item.key} ref={virtual.measureElement} data-index={item.index} className="log-row" data-level={levelOf(line.text)} style={{ transform: `translateY(${item.start}px)` }}>
                  <span className="ts" title={fullTime(line.time)}>
                    {absolute(line.time, at)}
                  </span>
                  <span className="lv" title={levelOf(line.text)} />
                  <Link className="src" to="/containers/$dock/$id" params={{ dock: line.dock, id: line.id }} search={{ tab: "logs" }} title={`The log of ${line.name} on ${line.dock}`}>
                    {line.name}
                  </Link>
                  <span className="text">{marked(line.text, words)}</span>
                </div>
              );
            })}
          </div>
        </div>
      </div>
    </LogCard>
  );
}

function marked(text: string, words: string) {
  const at = words ? text.toLowerCase().indexOf(words.toLowerCase()) : -1;
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + words.length)}</mark>
      {text.slice(at + words.length)}
    </>
  );
}
