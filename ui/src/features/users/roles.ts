// What each role may, in a few words.
import type { Me, Role } from "@/api/types";

export const ROLES: { value: Role; label: string; may: string }[] = [
  { value: "viewer", label: "Viewer", may: "reads everything, changes nothing" },
  { value: "user", label: "User", may: "creates containers, and sees and operates its own" },
  { value: "operator", label: "Operator", may: "operates everything" },
  { value: "admin", label: "Admin", may: "manages docks and users as well" },
];

export const mayOf = (role: Role) => ROLES.find(({ value }) => value === role)?.may;

/** Those that somebody may give to its own token: no more than it has. */
export function rolesUpTo(role: Role | null): typeof ROLES {
  const at = ROLES.findIndex(({ value }) => value === role);
  return at < 0 ? ROLES : ROLES.slice(0, at + 1);
}

/** Why somebody may not look after users; null if it may. */
export function notForUsers(me: Me): string | null {
  if (me.user === null) return "Nobody logs in to this node, so it has no users. Start it with an auth manager to have some.";
  return me.role === "admin" ? null : `Only admins see and change users. You are ${me.user}, with the role ${me.role}.`;
}
