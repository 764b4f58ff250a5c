// Who may log in, and the tokens of all.
import { useState } from "react";
import { Button, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Me, User } from "@/api/types";
import { count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { Forbidden, Trouble } from "@/ui/trouble";
import { confirmRemoval } from "../resources/confirm";
import { Rows } from "../resources/frame";
import { Sheet } from "../resources/sheet";
import { SessionList } from "../sessions";
import { TokenList } from "../tokens";
import { changeUser, removeUser, told } from "./change";
import { Once, oneTime, type Secret } from "./once";
import { ResetSheet } from "./reset-sheet";
import { notForUsers } from "./roles";
import { UserTable } from "./table";
import { UserSheet } from "./user-sheet";

export function Users() {
  const { data: me } = useQuery(q.me);
  if (!me) return <PageHead title="Users" />;
  const why = notForUsers(me);
  if (!why) return <Looked me={me} />;
  return (
    <>
      <PageHead title="Users" />
      <Forbidden>{why}</Forbidden>
    </>
  );
}

function Looked({ me }: { me: Me }) {
  const { data, error, refetch } = useQuery(q.users);
  const [form, setForm] = useState<{ user?: User } | null>(null);
  const [secret, setSecret] = useState<Secret | null>(null);
  const [reset, setReset] = useState<User | null>(null);
  const [of, setOf] = useState<string | null>(null);
  const users = data?.users;
  const groups = [...new Set(users?.flatMap((user) => user.groups))].sort();
  const verbs = {
    me: me.user,
    change: (user: User) => setForm({ user }),
    reset: setReset,
    sessions: (user: User) => setOf(user.name),
    disable: (user: User, disabled: boolean) => void told(`${disabled ? "Disable" : "Enable"} ${user.name}`, changeUser(user.name, { disabled })),
    remove: (user: User) =>
      confirmRemoval({
        title: `Remove ${user.name}?`,
        verb: "Remove user",
        goes: [user.name],
        note: "The sessions and tokens of that user end. What it owns runs on, and goes on belonging to that name.",
        onConfirm: () => void told(`Remove ${user.name}`, removeUser(user.name)),
      }),
  };
  return (
    <>
      <PageHead
        title="Users"
        actions={
          <Button leftSection={<IconPlus size={16} />} onClick={() => setForm({})}>
            Add user
          </Button>
        }
      >
        {users && count(users.length, "user")}
      </PageHead>
      {users ? <UserTable users={users} verbs={verbs} /> : error ? <Trouble what="The users" error={error} retry={refetch} /> : <Rows count={4} />}
      <Title order={2} mt={28} mb={12}>
        Tokens of all users
      </Title>
      <TokenList me={me} of="all" />
      {form && (
        <UserSheet
          user={form.user}
          groups={groups}
          onClose={() => setForm(null)}
          onDone={(made) => {
            setForm(null);
            if (made.password) setSecret(oneTime(made.name, made.password));
          }}
        />
      )}
      {reset && (
        <ResetSheet
          user={reset}
          onClose={() => setReset(null)}
          onDone={(made) => {
            setReset(null);
            if (made.password) setSecret(oneTime(made.name, made.password));
          }}
        />
      )}
      {of && (
        <Sheet title={`Sessions of ${of}`} opened onClose={() => setOf(null)} size={720}>
          <SessionList user={of} />
        </Sheet>
      )}
      {secret && <Once secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}
