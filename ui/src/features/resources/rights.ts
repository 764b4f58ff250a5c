// Why somebody may not do what works on a dock as a whole; null if they may.
import type { Access, Dock, Me } from "@/api/types";

const WORDS: Partial<Record<Access, string>> = { create: "create", delete: "remove", operate: "change" };

export function lacks(me: Me | undefined, right: Access): string | null {
  if (!me) return "It is not known yet what you may do.";
  if (right === "create" ? me.mayCreate || me.rights.includes(right) : me.rights.includes(right)) return null;
  return `Your role, ${me.role ?? "none"}, may look, not ${WORDS[right] ?? right}. An admin can give you another.`;
}

/** Why a dock cannot be asked for anything now. */
export const silent = (dock: Dock): string | null => {
  if (dock.reachable) return null;
  return dock.daemon === "down" ? `The Docker daemon of ${dock.name} does not answer.` : `${dock.name} does not answer.`;
};
