// What happens in the whole cluster.
import { Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconUser } from "@tabler/icons-react";
import { PageHead } from "@/ui/page-head";
import { Filters } from "../resources/frame";
import { EventList } from "./list";

const KINDS = [
  { value: "dock", label: "Docks" },
  { value: "instance", label: "Containers" },
  { value: "instance-exited,instance-restarting,instance-dead", label: "Containers that ended" },
  { value: "request", label: "Requests" },
];
const PAUSE = 250;

export function Events() {
  const search = useSearch({ from: "/app/events" });
  const navigate = useNavigate();
  const set = (change: { [field in keyof typeof search]?: string | undefined }) =>
    void navigate({ to: "/events", search: (before) => Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)), replace: true });
  // Somebody who types does not ask with each letter.
  const [q] = useDebouncedValue(search.q, PAUSE);
  const [who] = useDebouncedValue(search.who, PAUSE);
  const filter = { dock: search.dock, kind: search.kind, q, who };
  const filtered = Object.values(search).some(Boolean);
  const kinds = !search.kind || KINDS.some(({ value }) => value === search.kind) ? KINDS : [...KINDS, { value: search.kind, label: search.kind }];
  return (
    <>
      <PageHead title="Events">What docks and containers do, and who asked for what</PageHead>
      <div className="event-filters">
        <Filters what="events" placeholder="Name, image, action, id" search={search} set={set}>
          <Select aria-label="Kind" placeholder="All kinds" clearable clearButtonProps={{ "aria-label": "All kinds" }} data={kinds} value={search.kind ?? null} onChange={(kind) => set({ kind: kind ?? undefined })} w={200} />
          <TextInput aria-label="By whom" placeholder="By whom" leftSection={<IconUser size={15} />} value={search.who ?? ""} onChange={(event) => set({ who: event.currentTarget.value })} w={150} />
        </Filters>
      </div>
      <EventList filter={filter} onClear={filtered ? () => void navigate({ to: "/events", search: {} }) : undefined} />
    </>
  );
}
