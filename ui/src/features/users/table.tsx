// Users as rows, with what an admin does to them.
import type { ReactNode } from "react";
import { IconBan, IconCheck, IconCircleCheckFilled, IconCircleMinus, IconDevices, IconKey, IconPencil, IconTrash } from "@tabler/icons-react";
import type { User } from "@/api/types";
import { DataTable, type Column } from "@/ui/data-table";
import { StateBadge } from "@/ui/state";
import { Ago } from "@/ui/time";
import { WhyIcon } from "../resources/button";
import { mayOf } from "./roles";

export interface UserVerbs {
  /** Who is logged in. */
  me: string | null;
  change: (user: User) => void;
  reset: (user: User) => void;
  sessions: (user: User) => void;
  disable: (user: User, disabled: boolean) => void;
  remove: (user: User) => void;
}

const looks = (user: User) => (user.disabled ? ({ tone: "idle", icon: IconCircleMinus, label: "Disabled", hint: `${user.name} cannot log in` } as const) : ({ tone: "ok", icon: IconCircleCheckFilled, label: "Active" } as const));

function from(user: User): string | null {
  if (user.external) return "Logs in at a provider";
  return user.temporary ? "One-time password not used yet" : null;
}

const Name = ({ user, me }: { user: User; me: string | null }) => (
  <span className="name">
    <b>{user.name}</b> {user.name === me && <span className="you">You</span>}
    {from(user) && <span className="sub">{from(user)}</span>}
  </span>
);

function Verbs({ user, verbs }: { user: User; verbs: UserVerbs }) {
  const self = user.name === verbs.me ? "That is you: another admin has to do it." : null;
  const external = user.external ? `${user.name} logs in at a provider, without a password here.` : null;
  return (
    <span className="acts">
      <WhyIcon label={`Change ${user.name}`} tip="Role and groups" why={null} onClick={() => verbs.change(user)} icon={<IconPencil size={17} aria-hidden />} />
      <WhyIcon label={`New one-time password for ${user.name}`} tip="New one-time password" why={external ?? (self ? "Change your own in the settings." : null)} onClick={() => verbs.reset(user)} icon={<IconKey size={17} aria-hidden />} />
      <WhyIcon label={`Sessions of ${user.name}`} tip="Sessions" why={null} onClick={() => verbs.sessions(user)} icon={<IconDevices size={17} aria-hidden />} />
      <WhyIcon
        label={`${user.disabled ? "Enable" : "Disable"} ${user.name}`}
        tip={user.disabled ? "Enable" : "Disable: no more logins, and its tokens do nothing"}
        why={self}
        onClick={() => verbs.disable(user, !user.disabled)}
        icon={user.disabled ? <IconCheck size={17} aria-hidden /> : <IconBan size={17} aria-hidden />}
      />
      <WhyIcon label={`Remove ${user.name}`} tip="Remove" why={self} onClick={() => verbs.remove(user)} icon={<IconTrash size={17} aria-hidden />} />
    </span>
  );
}

const Groups = ({ groups }: { groups: string[] }): ReactNode => (groups.length ? groups.join(", ") : <span className="dim">None</span>);

const columns = (verbs: UserVerbs): Column<User>[] => [
  { id: "name", header: "Name", sort: (user) => user.name, cell: (user) => <Name user={user} me={verbs.me} /> },
  { id: "state", header: "State", sort: (user) => (user.disabled ? 1 : 0), cell: (user) => <StateBadge of={looks(user)} /> },
  { id: "role", header: "Role", sort: (user) => user.role, cell: (user) => <span data-tip={mayOf(user.role)}>{user.role}</span> },
  { id: "groups", header: "Groups", until: 820, cell: (user) => <Groups groups={user.groups} /> },
  { id: "created", header: "Added", until: 1000, sort: (user) => user.created, cell: (user) => <Ago at={Date.parse(user.created)} /> },
  { id: "acts", header: "Actions", cell: (user) => <Verbs user={user} verbs={verbs} /> },
];

export const UserTable = ({ users, verbs }: { users: User[]; verbs: UserVerbs }) => (
  <DataTable
    label="Users"
    rows={users}
    columns={columns(verbs)}
    rowId={(user) => user.name}
    sort="name"
    card={(user) => (
      <>
        <div style={{ display: "flex", justifyContent: "space-between", gap: 10 }}>
          <Name user={user} me={verbs.me} />
          <StateBadge of={looks(user)} />
        </div>
        <div className="meta">
          <span>{user.role}</span>
          {user.groups.length > 0 && <span>{user.groups.join(", ")}</span>}
        </div>
        <Verbs user={user} verbs={verbs} />
      </>
    )}
  />
);
