// Containers as lines of a card: name, where, and how they are.
import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { usePendingFor } from "@/api/requests";
import type { Instance } from "@/api/types";
import { look, StateBadge } from "@/ui/state";
import "@/ui/panels.css";

/** `dock`: whether it is to be said which one they are on. */
export const InstanceRows = ({ instances, dock = true }: { instances: Instance[]; dock?: boolean }) => (
  <ul className="panel-rows">
    {instances.map((instance) => (
      <Row key={instance.id} instance={instance} dock={dock} />
    ))}
  </ul>
);

function Row({ instance, dock }: { instance: Instance; dock: boolean }) {
  const pending = usePendingFor(instance.id);
  return (
    <li>
      <div className="grow">
        <Link to="/containers/$dock/$id" params={{ dock: instance.dock, id: instance.id }} className="strong cut">
          {instance.name}
        </Link>
        <span className="faint cut">
          {dock && `${instance.dock} · `}
          {instance.image}
        </span>
      </div>
      <StateBadge of={look(instance, pending)} />
    </li>
  );
}

export const WaitingRows = ({ rows = 3 }: { rows?: number }) => (
  <div aria-busy aria-label="Being read">
    {Array.from({ length: rows }, (_, at) => (
      <Skeleton key={at} h={38} my={7} radius="sm" />
    ))}
  </div>
);
