// Requests as rows.
import { Link } from "@tanstack/react-router";
import type { RequestStatus } from "@/api/types";
import { Copyable } from "@/ui/copy";
import { DataTable, type Column } from "@/ui/data-table";
import { StateBadge } from "@/ui/state";
import { Ago, useTicking } from "@/ui/time";
import { took } from "@/ui/times";
import { isSlow, outcome, sentence, title } from "./outcome";
import "./activity.css";

/** It changes by itself when there is no answer for ten seconds. */
export function Outcome({ request }: { request: RequestStatus }) {
  const slow = useTicking((now) => isSlow(request, now));
  return <StateBadge of={outcome(request, slow)} />;
}

const What = ({ request, onOpen }: { request: RequestStatus; onOpen: (id: string) => void }) => (
  <span className="name">
    <button type="button" onClick={() => onOpen(request.requestId)}>
      {title(request)}
    </button>
    <Sentence request={request} />
  </span>
);

function Sentence({ request }: { request: RequestStatus }) {
  const slow = useTicking((now) => isSlow(request, now));
  const words = sentence(request, slow);
  return words && <span className="sub request-words">{words}</span>;
}

const Dock = ({ name }: { name: string | null }) =>
  name ? (
    <Link to="/docks/$dock" params={{ dock: name }} style={{ color: "inherit" }}>
      {name}
    </Link>
  ) : (
    <span className="dim">–</span>
  );

const columns = (onOpen: (id: string) => void): Column<RequestStatus>[] => [
  { id: "what", header: "What", cell: (request) => <What request={request} onOpen={onOpen} /> },
  { id: "outcome", header: "Outcome", cell: (request) => <Outcome request={request} /> },
  { id: "user", header: "Who", sort: (request) => request.user ?? "", cell: (request) => request.user ?? <span className="dim">Nobody</span> },
  { id: "dock", header: "Dock", until: 820, sort: (request) => request.dock ?? "", cell: (request) => <Dock name={request.dock} /> },
  { id: "took", header: "Took", numeric: true, until: 1000, sort: (request) => request.took ?? -1, cell: (request) => (request.took === null ? <span className="dim">–</span> : took(request.took)) },
  { id: "sent", header: "Sent", sort: (request) => request.sent ?? 0, cell: (request) => (request.sent === null ? <span className="dim">?</span> : <Ago at={request.sent} />) },
  { id: "id", header: "Request", until: 1000, cell: (request) => <Copyable text={request.requestId} short={request.requestId.slice(0, 8)} name="request id" /> },
];

export const RequestTable = ({ requests, onOpen }: { requests: RequestStatus[]; onOpen: (id: string) => void }) => (
  <DataTable label="Requests" rows={requests} columns={columns(onOpen)} rowId={(request) => request.requestId} sort="" card={(request) => <Card request={request} onOpen={onOpen} />} />
);

const Card = ({ request, onOpen }: { request: RequestStatus; onOpen: (id: string) => void }) => (
  <>
    <div className="request-card">
      <What request={request} onOpen={onOpen} />
      <Outcome request={request} />
    </div>
    <div className="meta">
      <span>{request.user ?? "Nobody"}</span>
      {request.dock && <span>{request.dock}</span>}
      {request.sent !== null && <Ago at={request.sent} />}
      {request.took !== null && <span>took {took(request.took)}</span>}
    </div>
  </>
);
