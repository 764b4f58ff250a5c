// The first containers of a dock, those first that fail.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Title } from "@mantine/core";
import { IconBox, IconPlus } from "@tabler/icons-react";
import { q } from "@/api/client";
import { count } from "@/ui/fmt";
import { AnchorLink, ButtonLink } from "@/ui/link";
import { Empty, Trouble } from "@/ui/trouble";
import { InstanceRows, WaitingRows } from "../overview/rows";

const SHOWN = 20;

export function ContainersOf({ dock }: { dock: string }) {
  const { data, error, refetch } = useInfiniteQuery(q.instances({ dock }));
  const first = data?.pages[0];
  if (!first && error) return <Trouble what="Its containers" error={error} retry={refetch} />;
  if (first?.total === 0) {
    return (
      <Empty
        icon={IconBox}
        title="No container here"
        action={
          <ButtonLink to="/containers/new" search={{ dock }} leftSection={<IconPlus size={16} />}>
            Create container
          </ButtonLink>
        }
      >
        <p>None that you may see, that is.</p>
      </Empty>
    );
  }
  return (
    <section className="card panel" aria-label="Containers">
      <div className="panel-head">
        <Title order={2}>{first ? count(first.total, "container") : "Containers"}</Title>
        <AnchorLink to="/containers" search={{ dock }} size="sm">
          {first && first.total > SHOWN ? `All ${first.total.toLocaleString("en")} in the list` : "In the list"}
        </AnchorLink>
      </div>
      {first ? <InstanceRows instances={first.instances.slice(0, SHOWN)} dock={false} /> : <WaitingRows rows={6} />}
    </section>
  );
}
