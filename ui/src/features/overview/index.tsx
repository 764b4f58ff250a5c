// How the whole cluster is, at one look.
import { Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { q } from "@/api/client";
import type { Dock } from "@/api/types";
import { byNeed } from "../docks/words";
import { DockCard } from "../docks/card";
import { NoDocks } from "../docks/no-docks";
import { SilentDocks } from "../docks/silent";
import { count } from "@/ui/fmt";
import { ButtonLink } from "@/ui/link";
import { PageHead } from "@/ui/page-head";
import { Trouble } from "@/ui/trouble";
import { LatestEvents } from "./latest-events";
import { Mine } from "./mine";
import { AllWell, FAILING, NeedsLook } from "./needs-look";
import "../docks/docks.css";
import "./overview.css";

/** More docks than these have a screen of their own. */
const CARDS = 12;

export function Overview() {
  const { data, error, refetch } = useQuery(q.docks);
  const failing = useInfiniteQuery(q.instances(FAILING));
  if (!data && error) {
    return (
      <>
        <PageHead title="Overview" />
        <Trouble what="The docks" error={error} retry={refetch} />
      </>
    );
  }
  const docks = data?.docks;
  const well = docks?.every((dock) => dock.reachable) && failing.data?.pages[0]?.total === 0;
  return (
    <>
      <PageHead title="Overview">{docks && docks.length > 0 && summary(docks)}</PageHead>
      {docks?.length === 0 && <NoDocks />}
      {docks && <SilentDocks docks={docks} />}
      {docks && docks.length > 0 && well && <AllWell docks={docks.length} />}
      {docks ? <Cards docks={docks} /> : <Waiting />}
      {docks?.length !== 0 && (
        <div className="overview-panels">
          <div>
            {!well && <NeedsLook />}
            <Mine />
          </div>
          <LatestEvents />
        </div>
      )}
    </>
  );
}

function summary(docks: Dock[]): string {
  const answering = docks.filter((dock) => dock.reachable);
  const running = answering.reduce((sum, dock) => sum + dock.running, 0);
  return `${answering.length} of ${count(docks.length, "dock")} ${docks.length === 1 ? "answers" : "answer"} · ${count(running, "container")} running`;
}

function Cards({ docks }: { docks: Dock[] }) {
  const shown = docks.length > CARDS ? byNeed(docks).slice(0, CARDS) : docks;
  return (
    <>
      <div className="dock-grid">
        {shown.map((dock) => (
          <DockCard key={dock.name} dock={dock} />
        ))}
      </div>
      {shown.length < docks.length && (
        <ButtonLink to="/docks" variant="default" mt={16}>
          All {docks.length} docks
        </ButtonLink>
      )}
    </>
  );
}

const Waiting = () => (
  <div className="dock-grid" aria-busy aria-label="The docks are being read">
    {Array.from({ length: 4 }, (_, at) => (
      <Skeleton key={at} h={196} radius="lg" />
    ))}
  </div>
);
