import "./container.css";
import { Skeleton, Tabs, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { IconChartLine, IconCode, IconFileText, IconHistory, IconPlugConnectedX, IconTerminal2 } from "@tabler/icons-react";
import { ApiError, q } from "@/api/client";
import type { Instance } from "@/api/types";
import type { Tab } from "@/app/router";
import { useKeys } from "@/app/keys";
import { EventList } from "@/features/events/list";
import { ButtonLink } from "@/ui/link";
import { Ago } from "@/ui/time";
import { Trouble } from "@/ui/trouble";
import { Header } from "./header";
import { Inspect } from "./inspect";
import { Log } from "./log";
import { Stats } from "./stats";
import { TerminalTab } from "./terminal";

const TABS: { tab: Tab; label: string; icon: typeof IconCode; panel: (instance: Instance) => React.ReactNode }[] = [
  { tab: "logs", label: "Logs", icon: IconFileText, panel: (instance) => <Log instance={instance} /> },
  { tab: "stats", label: "Stats", icon: IconChartLine, panel: (instance) => <Stats instance={instance} /> },
  { tab: "terminal", label: "Terminal", icon: IconTerminal2, panel: (instance) => <TerminalTab instance={instance} /> },
  { tab: "inspect", label: "Inspect", icon: IconCode, panel: (instance) => <Inspect instance={instance} /> },
  { tab: "events", label: "Events", icon: IconHistory, panel: (instance) => <EventList filter={{ id: instance.id }} /> },
];

const Gone = () => (
  <div className="card lonely">
    <Title order={1}>This container is gone</Title>
    <Text c="dimmed">It was removed, or you may not see it. One that was recreated has another address.</Text>
    <ButtonLink to="/containers" search={{}}>
      All containers
    </ButtonLink>
  </div>
);

function Unreachable({ instance }: { instance: Instance }) {
  return (
    <div className="note hatched">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        <b>{instance.dock} does not answer.</b> {instance.lastSeen !== null && <>What you see was known <Ago at={instance.lastSeen} />. </>}
        {instance.name} may well still run; nothing can be done to it until the dock answers.
      </span>
    </div>
  );
}

export function ContainerPage() {
  const { dock, id } = useParams({ from: "/app/containers/$dock/$id" });
  const { data: instance, error, refetch } = useQuery(q.instance(dock, id));
  if (error instanceof ApiError && error.status === 404) return <Gone />;
  if (instance) return <Page key={instance.id} instance={instance} />;
  if (error) return <Trouble what="This container" error={error} retry={refetch} />;
  return (
    <div aria-busy="true" aria-label="Loading">
      <Skeleton h={20} w={140} mb={10} />
      <Skeleton h={34} w={260} mb={24} />
      <Skeleton h={420} radius="lg" />
    </div>
  );
}

function Page({ instance }: { instance: Instance }) {
  const { tab = "logs" } = useSearch({ from: "/app/containers/$dock/$id" });
  const navigate = useNavigate({ from: "/containers/$dock/$id" });
  const go = (next: Tab) => void navigate({ search: next === "logs" ? {} : { tab: next }, replace: true });
  // Only those that show something: what is typed before a terminal is there must not stop what runs.
  useKeys({ l: () => go("logs"), t: () => go("terminal") });
  return (
    <>
      <Header instance={instance} />
      {instance.condition === "unknown" && <Unreachable instance={instance} />}
      <Tabs value={tab} onChange={(next) => go(next as Tab)} keepMounted={false}>
        <Tabs.List mb={14}>
          {TABS.map(({ tab: value, label, icon: Icon }) => (
            <Tabs.Tab key={value} value={value} leftSection={<Icon size={16} />}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(({ tab: value, panel }) => (
          <Tabs.Panel key={value} value={value}>
            {panel(instance)}
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}
