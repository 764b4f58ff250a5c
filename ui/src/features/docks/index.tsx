// All docks, as cards or as a table.
import { SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { q } from "@/api/client";
import type { Dock } from "@/api/types";
import { count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { Trouble } from "@/ui/trouble";
import { Rows } from "../resources/frame";
import { DockCard } from "./card";
import { NoDocks } from "./no-docks";
import { SilentDocks } from "./silent";
import { DockTable } from "./table";
import { DockVerbs } from "./verbs";
import { byNeed } from "./words";

const VIEWS = [
  { value: "cards", label: "Cards" },
  { value: "table", label: "Table" },
];

export function Docks() {
  const { view } = useSearch({ from: "/app/docks" });
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(q.docks);
  const docks = data?.docks;
  const choice = (
    <SegmentedControl
      aria-label="View"
      data={VIEWS}
      value={view ?? "cards"}
      onChange={(next) => void navigate({ to: "/docks", search: next === "table" ? { view: "table" } : {}, replace: true })}
    />
  );
  return (
    <>
      <PageHead title="Docks" actions={docks && docks.length > 0 && choice}>
        {docks && docks.length > 0 && `${docks.filter((dock) => dock.reachable).length} of ${count(docks.length, "dock")} answer`}
      </PageHead>
      {docks ? <Shown docks={docks} table={view === "table"} /> : error ? <Trouble what="The docks" error={error} retry={refetch} /> : <Waiting table={view === "table"} />}
    </>
  );
}

function Shown({ docks, table }: { docks: Dock[]; table: boolean }) {
  if (docks.length === 0) return <NoDocks />;
  return (
    <>
      <SilentDocks docks={docks} />
      {table ? (
        <DockTable docks={docks} />
      ) : (
        <div className="dock-grid">
          {byNeed(docks).map((dock) => (
            <DockCard key={dock.name} dock={dock} labels verbs={<DockVerbs dock={dock} />} />
          ))}
        </div>
      )}
    </>
  );
}

function Waiting({ table }: { table: boolean }) {
  if (table) return <Rows count={4} />;
  return (
    <div className="dock-grid" aria-busy aria-label="The docks are being read">
      {Array.from({ length: 4 }, (_, at) => (
        <Skeleton key={at} h={226} radius="lg" />
      ))}
    </div>
  );
}
