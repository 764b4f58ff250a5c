// One dock: how it is, what is on it, and what its engine says of itself.
import { Skeleton, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { IconServerOff } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Dock } from "@/api/types";
import { ButtonLink } from "@/ui/link";
import { PageHead } from "@/ui/page-head";
import { DockBadge } from "@/ui/state";
import { Ago } from "@/ui/time";
import { Empty, Trouble } from "@/ui/trouble";
import { Heartbeats, size } from "../docks/card";
import { Labels } from "../docks/labels";
import { Meters } from "../docks/meters";
import { SilentDocks } from "../docks/silent";
import { DockVerbs } from "../docks/verbs";
import { EventList } from "../events/list";
import { ContainersOf } from "./containers";
import { Engine } from "./engine";
import { ImagesOf } from "./images";
import "./dock.css";

export function DockPage() {
  const { dock: name } = useParams({ from: "/app/docks/$dock" });
  const { data, error, refetch } = useQuery(q.docks);
  const dock = data?.docks.find((one) => one.name === name);
  if (dock) return <Known dock={dock} />;
  return (
    <>
      <PageHead title={name} />
      {data ? <Unknown name={name} /> : error ? <Trouble what="The docks" error={error} retry={refetch} /> : <Skeleton h={180} radius="lg" aria-label="The dock is being read" />}
    </>
  );
}

const Unknown = ({ name }: { name: string }) => (
  <Empty icon={IconServerOff} title={`There is no dock ${name}`} action={<ButtonLink to="/docks">All docks</ButtonLink>}>
    <p>It may have another name, or never have been known to this cluster.</p>
  </Empty>
);

function Known({ dock }: { dock: Dock }) {
  const { tab } = useSearch({ from: "/app/docks/$dock" });
  const navigate = useNavigate();
  const go = (next: string | null) =>
    void navigate({ to: "/docks/$dock", params: { dock: dock.name }, search: next === "images" || next === "events" || next === "engine" ? { tab: next } : {}, replace: true });
  return (
    <>
      <PageHead
        title={dock.name}
        actions={
          <span className="dock-actions">
            <DockBadge dock={dock} />
            <DockVerbs dock={dock} />
          </span>
        }
      >
        {[dock.operatingSystem, size(dock), dock.engineVersion && `Docker ${dock.engineVersion}`].filter(Boolean).join(" · ")}
      </PageHead>
      <SilentDocks docks={[dock]} />
      <Summary dock={dock} />
      <Tabs value={tab ?? "containers"} onChange={go} keepMounted={false} mt={20}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="containers">Containers</Tabs.Tab>
          <Tabs.Tab value="images">Images</Tabs.Tab>
          <Tabs.Tab value="events">Events</Tabs.Tab>
          <Tabs.Tab value="engine">Engine</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="containers">
          <ContainersOf dock={dock.name} />
        </Tabs.Panel>
        <Tabs.Panel value="images">
          <ImagesOf dock={dock.name} />
        </Tabs.Panel>
        <Tabs.Panel value="events">
          <EventList filter={{ dock: dock.name }} />
        </Tabs.Panel>
        <Tabs.Panel value="engine">
          <Engine dock={dock.name} reachable={dock.reachable} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function Summary({ dock }: { dock: Dock }) {
  return (
    <div className="dock-summary">
      <section className={`card panel${dock.reachable ? "" : " hatched"}`} aria-label="Heartbeat">
        <h2>Heartbeat</h2>
        <Heartbeats dock={dock} />
      </section>
      <section className={`card panel${dock.reachable ? "" : " hatched"}`} aria-label="What its host uses">
        <h2>What its host uses</h2>
        <Meters usage={dock.reachable ? dock.usage : null} />
      </section>
      <section className="card panel" aria-label="What is known">
        <h2>What is known</h2>
        <dl className="facts">
          <dt>Last heartbeat</dt>
          <dd>{dock.lastSeen === null ? "Never" : <Ago at={dock.lastSeen} />}</dd>
          <dt>Worker</dt>
          <dd>{dock.workerVersion ? `deblox ${dock.workerVersion}` : "Not known"}</dd>
          <dt>Docker’s API</dt>
          <dd>{dock.apiVersion ?? "Not known"}</dd>
          <dt>Labels</dt>
          <dd>{Object.keys(dock.labels).length ? <Labels labels={dock.labels} /> : "None"}</dd>
        </dl>
      </section>
    </div>
  );
}
