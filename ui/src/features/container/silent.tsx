// What is shown in the place of what only a dock can tell that does not answer.
import { IconPlugConnectedX } from "@tabler/icons-react";
import type { Instance } from "@/api/types";
import { Empty } from "@/ui/trouble";
import { Ago } from "@/ui/time";

export function Silent({ instance, what }: { instance: Instance; what: string }) {
  return (
    <Empty icon={IconPlugConnectedX} title={`${instance.dock} does not answer`}>
      <p>
        {what} {instance.lastSeen !== null && <>It was last heard <Ago at={instance.lastSeen} />.</>}
      </p>
    </Empty>
  );
}
