// Removes an image from all docks that have it and can be asked; what is in use, or out of reach, is left out and named.
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { Dock } from "@/api/types";
import { confirmRemoval } from "../resources/confirm";
import { silent } from "../resources/rights";
import { nameOf, short, type ImageGroup } from "./group";

export function removeImage(group: ImageGroup, docks: Dock[], only?: string) {
  const rows = group.rows.filter((row) => !only || row.dock === only);
  const why = (name: string): string | null => {
    const dock = docks.find((one) => one.name === name);
    const users = group.users.filter((user) => user.dock === name);
    if (!dock || silent(dock)) return "does not answer";
    return users.length ? `in use by ${users.map((user) => user.name).join(", ")}` : null;
  };
  const goes = rows.filter((row) => !why(row.dock)).flatMap((row) => (row.tags.length ? row.tags : [row.id]).map((name) => ({ dock: row.dock, name })));
  const rest = rows.flatMap((row) => {
    const reason = why(row.dock);
    return reason ? [{ name: row.dock, why: reason }] : [];
  });
  confirmRemoval({
    title: `Remove ${nameOf(group)}?`,
    verb: goes.length > 1 ? `Remove ${goes.length}` : "Remove",
    goes: goes.map(({ dock, name }) => `${name.startsWith("sha256:") ? short(name) : name} on ${dock}`),
    leftOut: rest,
    onConfirm: () => void remove(group, goes),
  });
}

async function remove(group: ImageGroup, goes: { dock: string; name: string }[]) {
  await Promise.all(goes.map(({ dock, name }) => send("remove-image", { dock, image: name }, `image:${group.key}`, `${nameOf(group)} on ${dock}`)));
  void qc.invalidateQueries({ queryKey: q.images.queryKey });
}
