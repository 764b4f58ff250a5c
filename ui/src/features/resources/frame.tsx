// What the lists of images, networks and volumes have in common: filters, which docks are missing, and rows still to come.
import type { ReactNode } from "react";
import { useRef } from "react";
import { Select, Skeleton } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { IconAlertTriangle, IconPlugConnectedX, IconSearch } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Dock, Docks, Unreachable } from "@/api/types";
import { Copyable } from "@/ui/copy";
import { Ago } from "@/ui/time";
import { Typed } from "./typed";
import "./resources.css";

const NO_DOCKS: Dock[] = [];
// Heartbeats change the docks every two seconds; lists care for no more than who they are and whether they answer.
const quiet = ({ docks }: Docks) => docks.map((dock) => ({ name: dock.name, reachable: dock.reachable, daemon: dock.daemon, state: dock.state, running: dock.running, labels: dock.labels, lastSeen: dock.reachable ? null : dock.lastSeen }) as Dock);
/** The docks, without what changes with each heartbeat. */
export const useDocks = () => useQuery({ ...q.docks, select: quiet }).data ?? NO_DOCKS;

interface FilterProps {
  /** What is filtered, such as `images`. */
  what: string;
  placeholder: string;
  search: { q?: string; dock?: string };
  set: (search: { q?: string | undefined; dock?: string | undefined }) => void;
}

/** A filter by words and one by dock. A dock that is gone stays in the list while it is chosen, so that it can be cleared. */
export function Filters({ what, placeholder, search, set }: FilterProps) {
  const input = useRef<HTMLInputElement>(null);
  const docks = useDocks();
  useHotkeys([["/", () => input.current?.focus()]]);
  const known = docks.map((dock) => ({ value: dock.name, label: dock.reachable ? dock.name : `${dock.name} (silent)` }));
  const gone = search.dock && !docks.some((dock) => dock.name === search.dock) ? [{ value: search.dock, label: `${search.dock} (gone)` }] : [];
  return (
    <div className="list-filters">
      <Typed
        ref={input}
        aria-label={`Filter ${what}`}
        placeholder={placeholder}
        leftSection={<IconSearch size={15} />}
        value={search.q ?? ""}
        onChange={(words) => set({ q: words || undefined })}
      />
      <Select aria-label="Dock" placeholder="All docks" clearable clearButtonProps={{ "aria-label": "All docks" }} data={[...known, ...gone]} value={search.dock ?? null} onChange={(dock) => set({ dock: dock ?? undefined })} />
    </div>
  );
}

/** Names the docks that do not answer, of which rows tell only what was. */
export function Silent({ docks, dock }: { docks: Unreachable[]; dock?: string | undefined }) {
  const those = docks.filter(({ hostname }) => !dock || hostname === dock);
  if (those.length === 0) return null;
  return (
    <div className="note hatched" role="status">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        {those.map(({ hostname, lastSeen, daemon }) => (
          <span key={hostname}>
            <b>{hostname}</b> {daemon === "down" ? "has a Docker daemon that does not answer" : "does not answer"}
            {lastSeen ? (
              <>
                , last heard <Ago at={Date.parse(lastSeen)} />
              </>
            ) : null}
            .{" "}
          </span>
        ))}
        What {those.length === 1 ? "it" : "they"} had is listed as it was last known.
      </span>
    </div>
  );
}

/** What was refused, with the request that it was. */
export function Problem({ title, message, requestId, children }: { title: string; message: string; requestId?: string | null; children?: ReactNode }) {
  return (
    <div className="note problem" role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <div>
        <b>{title}</b> {message}
        {requestId && (
          <span className="id">
            <span>Request</span> <Copyable text={requestId} name="request id" />
          </span>
        )}
        {children}
      </div>
    </div>
  );
}

/** Rows that are still to come, as high as they will be. */
export function Rows({ count = 8 }: { count?: number }) {
  return (
    <div className="card" style={{ overflow: "hidden" }} aria-busy aria-label="Reading" role="status">
      <div style={{ height: 39, borderBottom: "1px solid var(--line)" }} />
      {Array.from({ length: count }, (_, at) => (
        <div key={at} style={{ height: 52, padding: "10px 12px", borderBottom: "1px solid var(--line)" }}>
          <Skeleton height={14} width={`${58 - ((at * 13) % 30)}%`} />
          <Skeleton height={10} mt={7} width={`${34 - ((at * 7) % 16)}%`} />
        </div>
      ))}
    </div>
  );
}
