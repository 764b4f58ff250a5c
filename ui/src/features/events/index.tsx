// What happens in the whole cluster.
import { Select } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconUser } from "@tabler/icons-react";
import { PageHead } from "@/ui/page-head";
import { Filters } from "../resources/frame";
import { Typed } from "../resources/typed";
import { EventList } from "./list";

const KINDS = [
  { value: "dock", label: "Docks" },
  { value: "instance", label: "Containers" },
  { value: "instance-exited,instance-restarting,instance-dead", label: "Containers that ended" },
  { value: "request", label: "Requests" },
];

export function Events() {
  const search = useSearch({ from: "/app/events" });
  const navigate = useNavigate();
  const set = (change: { [field in keyof typeof search]?: string | undefined }) =>
    void navigate({ to: "/events", search: (before) => Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)), replace: true });
  const filtered = Object.values(search).some(Boolean);
  const kinds = !search.kind || KINDS.some(({ value }) => value === search.kind) ? KINDS : [...KINDS, { value: search.kind, label: search.kind }];
  return (
    <>
      <PageHead title="Events">What docks and containers do, and who asked for what</PageHead>
      <div className="event-filters">
        <Filters what="events" placeholder="Name, image, action, id" search={search} set={set} />
        <Select aria-label="Kind" placeholder="All kinds" clearable clearButtonProps={{ "aria-label": "All kinds" }} data={kinds} value={search.kind ?? null} onChange={(kind) => set({ kind: kind ?? undefined })} />
        <Typed aria-label="By whom" placeholder="By whom" leftSection={<IconUser size={15} />} value={search.who ?? ""} onChange={(who) => set({ who })} />
      </div>
      <EventList filter={search} onClear={filtered ? () => void navigate({ to: "/events", search: {} }) : undefined} />
    </>
  );
}
