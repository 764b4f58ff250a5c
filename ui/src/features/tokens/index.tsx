// Tokens, with which programs log in.
import { useState } from "react";
import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { api, q, qc } from "@/api/client";
import { now } from "@/api/clock";
import type { Me, Token } from "@/api/types";
import { DataTable, type Column } from "@/ui/data-table";
import { Ago } from "@/ui/time";
import { Trouble } from "@/ui/trouble";
import { WhyIcon } from "../resources/button";
import { confirmRemoval } from "../resources/confirm";
import { Rows } from "../resources/frame";
import { told } from "../users/change";
import { Once, type Secret } from "../users/once";
import { TokenSheet } from "./token-sheet";

export function TokenList({ me, of }: { me: Me; of: "all" | "own" }) {
  const { data, error, refetch } = useQuery(q.tokens);
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<Secret | null>(null);
  const tokens = data?.tokens.filter((token) => of === "all" || token.user === me.user);
  return (
    <>
      {tokens ? <Shown tokens={tokens} of={of} /> : error ? <Trouble what="The tokens" error={error} retry={refetch} /> : <Rows count={2} />}
      {of === "own" && (
        <Group mt={12}>
          <Button variant="default" leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
            Make a token
          </Button>
        </Group>
      )}
      {making && (
        <TokenSheet
          me={me}
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setSecret({ title: `Token ${made.name}`, what: "token", text: made.token, note: "Whoever has it can do what it may, in your name. Revoke it here when it is no longer needed." });
          }}
        />
      )}
      {secret && <Once secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

function revoke(token: Token) {
  const gone = api<void>(`/tokens/${encodeURIComponent(token.id)}`, { method: "DELETE" }).finally(() => void qc.invalidateQueries({ queryKey: q.tokens.queryKey }));
  void told(`Revoke ${token.name}`, gone);
}

const ask = (token: Token) =>
  confirmRemoval({ title: `Revoke ${token.name}?`, verb: "Revoke token", goes: [`${token.name} of ${token.user}`], note: "Programs that use it are refused from now on.", onConfirm: () => revoke(token) });

function Expires({ token }: { token: Token }) {
  if (token.expires === null) return <span className="dim">Never</span>;
  return token.expires > now() ? (
    <Ago at={token.expires} />
  ) : (
    <span className="level-bad">
      Expired <Ago at={token.expires} />
    </span>
  );
}

const Used = ({ token }: { token: Token }) => (token.used === null ? <span className="dim">Never</span> : <Ago at={token.used} />);
const Revoke = ({ token }: { token: Token }) => <WhyIcon label={`Revoke ${token.name} of ${token.user}`} tip="Revoke" why={null} onClick={() => ask(token)} icon={<IconTrash size={17} aria-hidden />} />;

const COLUMNS: Column<Token>[] = [
  { id: "name", header: "Name", sort: (token) => token.name, cell: (token) => <b>{token.name}</b> },
  { id: "user", header: "User", sort: (token) => token.user, cell: (token) => token.user },
  { id: "role", header: "Role", sort: (token) => token.role, cell: (token) => token.role },
  { id: "created", header: "Made", until: 1000, sort: (token) => token.created, cell: (token) => <Ago at={token.created} /> },
  { id: "expires", header: "Expires", sort: (token) => token.expires ?? Infinity, cell: (token) => <Expires token={token} /> },
  { id: "used", header: "Last used", until: 820, sort: (token) => token.used ?? 0, cell: (token) => <Used token={token} /> },
  { id: "acts", header: "Actions", cell: (token) => <Revoke token={token} /> },
];

function Shown({ tokens, of }: { tokens: Token[]; of: "all" | "own" }) {
  if (tokens.length === 0) return <Text c="dimmed">{of === "own" ? "None yet." : "None yet. Each user makes its own in the settings."}</Text>;
  return (
    <DataTable
      label={of === "own" ? "Your tokens" : "Tokens of all users"}
      rows={tokens}
      columns={of === "own" ? COLUMNS.filter(({ id }) => id !== "user") : COLUMNS}
      rowId={(token) => token.id}
      sort="name"
      card={(token) => (
        <>
          <div style={{ display: "flex", justifyContent: "space-between", gap: 10 }}>
            <b className="name">{token.name}</b>
            <Revoke token={token} />
          </div>
          <div className="meta">
            {of === "all" && <span>{token.user}</span>}
            <span>{token.role}</span>
            <span>
              expires <Expires token={token} />
            </span>
            <span>
              used <Used token={token} />
            </span>
          </div>
        </>
      )}
    />
  );
}
