// The containers that fail or are restarted again and again.
import { Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconCircleCheckFilled } from "@tabler/icons-react";
import { q } from "@/api/client";
import { count } from "@/ui/fmt";
import { AnchorLink } from "@/ui/link";
import { Trouble } from "@/ui/trouble";
import { InstanceRows, WaitingRows } from "./rows";

export const FAILING = { state: "failing,restarting" };
const SHOWN = 10;

export function NeedsLook() {
  const { data, error, refetch } = useInfiniteQuery(q.instances(FAILING));
  const first = data?.pages[0];
  return (
    <section className="card panel" aria-label="Needs a look">
      <div className="panel-head">
        <Title order={2}>Needs a look</Title>
        {first && first.total > 0 && (
          <AnchorLink to="/containers" search={FAILING} size="sm">
            {first.total > SHOWN ? `All ${first.total.toLocaleString("en")}` : "In the list"}
          </AnchorLink>
        )}
      </div>
      {first ? <InstanceRows instances={first.instances.slice(0, SHOWN)} /> : error ? <Trouble what="What fails" error={error} retry={refetch} /> : <WaitingRows />}
      {first?.total === 0 && <Text c="dimmed">Nothing fails on the docks that answer.</Text>}
    </section>
  );
}

export const AllWell = ({ docks }: { docks: number }) => (
  <div className="all-well" role="status">
    <IconCircleCheckFilled size={18} aria-hidden />
    <span>
      <b>All is well.</b> {docks === 1 ? "The dock answers" : `All ${count(docks, "dock")} answer`}, and no container fails.
    </span>
  </div>
);
