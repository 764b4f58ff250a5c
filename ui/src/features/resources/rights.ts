// Why somebody may not do what works on a dock as a whole; null if they may.
import type { Access, Dock, Me } from "@/api/types";

const WORDS: Partial<Record<Access, string>> = { create: "make", delete: "remove", operate: "change" };

export function lacks(me: Me | undefined, right: Access): string | null {
  if (!me) return "It is not known yet what you may do.";
  if (me.rights.includes(right)) return null;
  return `Your role, ${me.role ?? "none"}, may not ${WORDS[right] ?? right} this. Operators and admins may.`;
}

/** Users may create containers of their own, and nothing else on a dock. */
export function lacksCreate(me: Me | undefined): string | null {
  if (!me) return "It is not known yet what you may do.";
  return me.mayCreate ? null : `Your role, ${me.role ?? "none"}, may look, not create. An admin can give you another.`;
}

/** Why a dock cannot be asked for anything now. */
export const silent = (dock: Dock): string | null => {
  if (dock.reachable) return null;
  return dock.daemon === "down" ? `The Docker daemon of ${dock.name} does not answer.` : `${dock.name} does not answer.`;
};
