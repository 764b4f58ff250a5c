// Docks as rows, those first that somebody should look at.
import { Link } from "@tanstack/react-router";
import type { Dock } from "@/api/types";
import { DataTable, type Column } from "@/ui/data-table";
import { DockBadge } from "@/ui/state";
import { Ago } from "@/ui/time";
import { DockCard, size } from "./card";
import { Labels } from "./labels";
import { DockVerbs } from "./verbs";
import { byNeed, runningOf, shares } from "./words";

/** What is not known stands below all that is. */
const known = (value: number | null) => value ?? -1;
const per = (value: number | null) => (value === null ? "?" : `${Math.round(value)}%`);

const COLUMNS: Column<Dock>[] = [
  {
    id: "name",
    header: "Name",
    sort: (dock) => dock.name,
    cell: (dock) => (
      <span className="name">
        <Link to="/docks/$dock" params={{ dock: dock.name }}>
          {dock.name}
        </Link>
        <span className="sub">{dock.operatingSystem ?? "System not known"}</span>
      </span>
    ),
  },
  { id: "state", header: "State", cell: (dock) => <DockBadge dock={dock} /> },
  {
    id: "running",
    header: "Running",
    numeric: true,
    sort: (dock) => (dock.reachable ? dock.running : -1),
    cell: (dock) => (
      <Link to="/containers" search={{ dock: dock.name }} style={{ color: "inherit" }} aria-label={`Containers of ${dock.name}: ${runningOf(dock)} of ${dock.containers} running`}>
        {runningOf(dock)} of {dock.containers}
      </Link>
    ),
  },
  { id: "cpu", header: "CPU", numeric: true, sort: (dock) => known(shares(dock.usage).cpu), cell: (dock) => per(shares(dock.usage).cpu) },
  { id: "memory", header: "Memory", numeric: true, sort: (dock) => known(shares(dock.usage).memory), cell: (dock) => per(shares(dock.usage).memory) },
  { id: "disk", header: "Disk", numeric: true, until: 820, sort: (dock) => known(shares(dock.usage).disk), cell: (dock) => per(shares(dock.usage).disk) },
  { id: "engine", header: "Engine", until: 1000, sort: (dock) => dock.engineVersion ?? "", cell: (dock) => dock.engineVersion ?? "?" },
  { id: "size", header: "Size", until: 1220, sort: (dock) => known(dock.cpus), cell: (dock) => size(dock) },
  { id: "labels", header: "Labels", until: 1000, cell: (dock) => <Labels labels={dock.labels} /> },
  { id: "seen", header: "Last heartbeat", until: 820, sort: (dock) => known(dock.lastSeen), cell: (dock) => (dock.lastSeen === null ? "Never" : <Ago at={dock.lastSeen} />) },
  { id: "acts", header: "Actions", cell: (dock) => <DockVerbs dock={dock} /> },
];

export const DockTable = ({ docks }: { docks: Dock[] }) => (
  <DataTable
    label="Docks"
    rows={byNeed(docks)}
    columns={COLUMNS}
    rowId={(dock) => dock.name}
    sort=""
    card={(dock) => <DockCard dock={dock} labels verbs={<DockVerbs dock={dock} />} />}
    stale={(dock) => !dock.reachable}
  />
);
