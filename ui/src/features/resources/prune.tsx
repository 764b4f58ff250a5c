// Removes what is unused on one dock, which Docker itself decides; the question before names what it may choose from.
import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBrush } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { ApiError, call, q, qc } from "@/api/client";
import { bytes, count } from "@/ui/fmt";
import { confirmRemoval } from "./confirm";
import { useDocks } from "./frame";
import { lacks, silent } from "./rights";

/** What Docker answers: the names of what it removed, and what that freed. */
interface Pruned {
  ImagesDeleted?: unknown[] | null;
  NetworksDeleted?: unknown[] | null;
  VolumesDeleted?: unknown[] | null;
  SpaceReclaimed?: number;
}

interface Props {
  /** `images`, `networks` or `volumes`. */
  what: "images" | "networks" | "volumes";
  /** What there is on a dock that Docker may choose from. */
  candidates: (dock: string) => string[];
  note: string;
}

async function prune(what: Props["what"], dock: string) {
  try {
    const done = (await call<Pruned | undefined>(`prune-${what}`, { dock })) ?? {};
    const removed = (done.ImagesDeleted ?? done.NetworksDeleted ?? done.VolumesDeleted ?? []).length;
    const freed = done.SpaceReclaimed ? ` ${bytes(done.SpaceReclaimed)} freed.` : "";
    notifications.show({ title: `Unused ${what} of ${dock}`, message: removed ? `${count(removed, "removal")}.${freed}` : "There were none." });
  } catch (error) {
    const { message, requestId } = error as ApiError;
    notifications.show({ color: "red", title: `Unused ${what} of ${dock}: not removed`, message: `${message}${requestId ? ` · request ${requestId}` : ""}`, autoClose: 15_000 });
  }
  void qc.invalidateQueries({ queryKey: [what] });
}

export function Prune({ what, candidates, note }: Props) {
  const docks = useDocks();
  const { data: me } = useQuery(q.me);
  const may = lacks(me, "delete");
  const ask = (dock: string) => {
    const goes = candidates(dock);
    confirmRemoval({
      title: `Remove unused ${what} of ${dock}?`,
      verb: "Remove unused",
      goes,
      note: goes.length ? note : undefined,
      onConfirm: () => void prune(what, dock),
    });
  };
  const button = (
    <Button variant="default" leftSection={<IconBrush size={16} />} {...(may ? { "data-disabled": true, "aria-disabled": true, "data-tip": may } : {})}>
      Remove unused
    </Button>
  );
  if (may) return button;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Of which dock?</Menu.Label>
        {docks.map((dock) => {
          const why = silent(dock);
          return (
            <Menu.Item key={dock.name} {...(why ? { "aria-disabled": true, "data-tip": why, c: "dimmed" } : {})} closeMenuOnClick={!why} onClick={() => why ?? ask(dock.name)}>
              {dock.name}
              {why && " · silent"}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
