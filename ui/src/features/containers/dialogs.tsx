// Opens the forms of what is not done with one click; the forms themselves are loaded when the first is opened.
import { lazy, Suspense } from "react";
import { Skeleton } from "@mantine/core";
import { modals } from "@mantine/modals";
import type { Instance } from "@/api/types";
import { Guard } from "@/ui/guard";

export type DialogName = "start" | "stop" | "restart" | "kill" | "rename" | "limits" | "recreate" | "share" | "give" | "remove";
const Forms = lazy(() => import("./forms"));

const TITLES: Record<DialogName, string> = {
  start: "Start",
  stop: "Stop",
  restart: "Restart",
  kill: "Kill",
  rename: "Rename",
  limits: "Change the limits of",
  recreate: "Recreate",
  share: "Share",
  give: "Give away",
  remove: "Remove",
};

/** `left`: those that are marked as well, but of which it may not or cannot be done, with the reason. */
export function openDialog(name: DialogName, instances: Instance[], left: { instance: Instance; why: string }[] = [], done: () => void = () => {}) {
  const id = `dialog-${name}`;
  const close = () => modals.close(id);
  const what = instances.length === 1 ? instances[0]!.name : `${instances.length} containers`;
  modals.open({
    modalId: id,
    title: `${TITLES[name]} ${what}`,
    centered: true,
    closeButtonProps: { "aria-label": "Close" },
    children: (
      <Guard what="This form">
        <Suspense fallback={<Skeleton h={120} />}>
          <Forms name={name} instances={instances} left={left} close={close} done={done} />
        </Suspense>
      </Guard>
    ),
  });
}
