// Where a user is logged in, and the end of that.
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { IconLogout } from "@tabler/icons-react";
import { api, q, qc, query } from "@/api/client";
import type { SessionFacts, SessionsEnded } from "@/api/types";
import { shortAgent } from "@/ui/agent";
import { DataTable, type Column } from "@/ui/data-table";
import { count } from "@/ui/fmt";
import { Ago } from "@/ui/time";
import { Trouble } from "@/ui/trouble";
import { WhyIcon } from "../resources/button";
import { confirmRemoval } from "../resources/confirm";
import { Rows } from "../resources/frame";
import { told } from "../users/change";

/** The sessions of `user`, or without it one's own. */
export function SessionList({ user }: { user?: string }) {
  const { data, error, refetch } = useQuery(q.sessions(user));
  if (!data) return error ? <Trouble what="The sessions" error={error} retry={refetch} /> : <Rows count={2} />;
  const others = data.sessions.filter((session) => !session.current);
  return (
    <>
      {data.sessions.length === 0 ? <Text c="dimmed">{data.user} is not logged in anywhere.</Text> : <Shown sessions={data.sessions} user={user} />}
      {others.length > 0 && (
        <Group mt={12}>
          <Button variant="default" leftSection={<IconLogout size={16} />} onClick={() => askOthers(others, user)}>
            {others.length === data.sessions.length ? "End all sessions" : "End all other sessions"}
          </Button>
        </Group>
      )}
    </>
  );
}

async function end(what: string, path: string, user: string | undefined) {
  const asked = api<SessionsEnded | undefined>(`${path}${query({ user })}`, { method: "DELETE" });
  const ended = await told(what, asked.finally(() => void qc.invalidateQueries({ queryKey: q.sessions(user).queryKey })));
  if (ended) notifications.show({ title: "Sessions ended", message: count(ended.ended, "session") });
}

const askOne = (session: SessionFacts, user: string | undefined) =>
  confirmRemoval({
    title: "End this session?",
    verb: "End session",
    goes: [`${withWhat(session)}, ${from(session)}`],
    note: "Whoever uses it has to log in again. Its terminals and streams end.",
    onConfirm: () => void end("End the session", `/sessions/${encodeURIComponent(session.id)}`, user),
  });

const askOthers = (others: SessionFacts[], user: string | undefined) =>
  confirmRemoval({
    title: `End ${count(others.length, "session")}?`,
    verb: "End sessions",
    goes: others.map((session) => `${withWhat(session)}, ${from(session)}`),
    note: "Tokens go on working: revoke those that you do not know.",
    onConfirm: () => void end("End the sessions", "/sessions", user),
  });

function withWhat({ agent, origin }: SessionFacts): string {
  if (agent) return shortAgent(agent);
  return origin === "bus" ? "Command line" : "Unknown program";
}

/** With the command line the client itself says where it is. */
function from({ address, origin }: SessionFacts): string {
  if (!address) return "unknown address";
  return origin === "bus" ? `says it is ${address}` : address;
}

const What = ({ session }: { session: SessionFacts }) => (
  <span className="name">
    <b data-tip={session.agent ?? undefined}>{withWhat(session)}</b> {session.current && <span className="you">This one</span>}
    {session.origin === "oidc" && <span className="sub">Logged in at the identity provider</span>}
  </span>
);
const Begun = ({ session }: { session: SessionFacts }) => (session.created === null ? <span className="dim">Unknown</span> : <Ago at={session.created} />);
const End = ({ session, user }: { session: SessionFacts; user: string | undefined }) => (
  <WhyIcon
    label={`End the session of ${withWhat(session)}, ${from(session)}`}
    tip="End"
    why={session.current ? "This is the session you use: sign out instead." : null}
    onClick={() => askOne(session, user)}
    icon={<IconLogout size={17} aria-hidden />}
  />
);

const columns = (user: string | undefined): Column<SessionFacts>[] => [
  { id: "what", header: "With", sort: withWhat, cell: (session) => <What session={session} /> },
  { id: "from", header: "From", sort: from, cell: (session) => <span className="mono">{from(session)}</span> },
  { id: "created", header: "Since", until: 820, sort: (session) => session.created ?? 0, cell: (session) => <Begun session={session} /> },
  { id: "used", header: "Last used", sort: (session) => session.used, cell: (session) => <Ago at={session.used} /> },
  { id: "acts", header: "Actions", cell: (session) => <End session={session} user={user} /> },
];

function Shown({ sessions, user }: { sessions: SessionFacts[]; user: string | undefined }) {
  return (
    <DataTable
      label={user ? `Sessions of ${user}` : "Your sessions"}
      rows={sessions}
      columns={columns(user)}
      rowId={(session) => session.id}
      sort="-used"
      card={(session) => (
        <>
          <div style={{ display: "flex", justifyContent: "space-between", gap: 10 }}>
            <What session={session} />
            <End session={session} user={user} />
          </div>
          <div className="meta">
            <span className="mono">{from(session)}</span>
            <span>
              since <Begun session={session} />
            </span>
            <span>
              used <Ago at={session.used} />
            </span>
          </div>
        </>
      )}
    />
  );
}
