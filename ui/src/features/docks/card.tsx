// A dock as a card: whether it answers, its last heartbeats, what its host uses, and how much runs there.
import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Dock } from "@/api/types";
import { bytes, count } from "@/ui/fmt";
import { Beats } from "@/ui/spark";
import { DockBadge } from "@/ui/state";
import { For } from "@/ui/time";
import { took } from "@/ui/times";
import { Labels } from "./labels";
import { Meters } from "./meters";
import { meanAge, runningOf } from "./words";
import "@/ui/panels.css";
import "./docks.css";

interface Props {
  dock: Dock;
  /** The level of its name among the headings of the screen. */
  level?: 2 | 3;
  labels?: boolean;
  verbs?: ReactNode;
}

export function DockCard({ dock, level = 2, labels = false, verbs }: Props) {
  const Heading = `h${level}` as const;
  return (
    <section className={`card dock-card${dock.reachable ? "" : " hatched"}`} aria-label={`Dock ${dock.name}`}>
      <header>
        <div>
          <Heading>
            <Link to="/docks/$dock" params={{ dock: dock.name }}>
              {dock.name}
            </Link>
          </Heading>
          <span className="faint" data-tip={dock.operatingSystem ?? undefined}>
            {dock.engineVersion === null ? "Engine not known" : `Docker ${dock.engineVersion}`}
          </span>
        </div>
        <DockBadge dock={dock} />
      </header>
      <Heartbeats dock={dock} />
      {dock.reachable ? <Meters usage={dock.usage} /> : <p>{unknown(dock)}</p>}
      {labels && Object.keys(dock.labels).length > 0 && (
        <div style={{ marginTop: 12 }}>
          <Labels labels={dock.labels} />
        </div>
      )}
      <footer>
        <Link to="/containers" search={{ dock: dock.name }} className="num">
          {runningOf(dock)} of {dock.containers} running
        </Link>
        {verbs ?? <span className="dim num">{size(dock)}</span>}
      </footer>
    </section>
  );
}

/** `16 CPU · 64 GiB` */
export const size = ({ cpus, memory }: Dock) => `${cpus ?? "?"} CPU · ${memory === null ? "? memory" : bytes(memory)}`;

function unknown({ name, containers, state, daemon }: Dock): string {
  if (state === "never seen") return "It was registered, and no worker has spoken for it yet. Start one there.";
  const who = state !== "lost" && daemon === "down" ? "its Docker" : name;
  if (containers === 0) return `What is here is not known until ${who} answers; actions are off.`;
  const [were, doing] = containers === 1 ? ["was", "it does"] : ["were", "they do"];
  return `${count(containers, "container")} ${were} here. What ${doing} is not known until ${who} answers; actions are off.`;
}

const MEANING = "How old its last heartbeat was at each of the last 40 looks of this node";

export function Heartbeats({ dock }: { dock: Dock }) {
  const mean = meanAge(dock.beats);
  const silent = dock.beats.at(-1) === null ? dock.lastSeen : null;
  const missed = dock.beats.filter((age) => age === null).length;
  return (
    <div className="beats" data-tip={MEANING}>
      <Beats beats={dock.beats} label={`Last ${dock.beats.length} looks at the heartbeat of ${dock.name}, ${missed} missed`} />
      <div className="beats-foot faint">
        <span>last {dock.beats.length} looks</span>
        <span className="num">{silent !== null ? <Silent since={silent} /> : mean !== null && `${took(mean)} mean age`}</span>
      </div>
    </div>
  );
}

const Silent = ({ since }: { since: number }) => (
  <>
    silent for <For since={since} />
  </>
);
