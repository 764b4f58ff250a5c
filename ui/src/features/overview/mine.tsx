// The containers of whoever looks; how to make the first one.
import { Text, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Me } from "@/api/types";
import { AnchorLink, ButtonLink } from "@/ui/link";
import { Trouble } from "@/ui/trouble";
import { InstanceRows, WaitingRows } from "./rows";

const SHOWN = 8;

export function Mine() {
  const { data: me } = useQuery(q.me);
  return me ? <Own me={me} /> : null;
}

/** Where nobody logs in, all containers are everybody's. */
function Own({ me }: { me: Me }) {
  const filter = me.user === null ? {} : { mine: true };
  const { data, error, refetch } = useInfiniteQuery(q.instances(filter));
  const first = data?.pages[0];
  const title = me.user === null ? "Containers" : "My containers";
  return (
    <section className="card panel" aria-label={title}>
      <div className="panel-head">
        <Title order={2}>{title}</Title>
        {first && first.total > 0 && (
          <AnchorLink to="/containers" search={me.user === null ? {} : { mine: true }} size="sm">
            {first.total > SHOWN ? `All ${first.total.toLocaleString("en")}` : "In the list"}
          </AnchorLink>
        )}
      </div>
      {first ? <InstanceRows instances={first.instances.slice(0, SHOWN)} /> : error ? <Trouble what={title} error={error} retry={refetch} /> : <WaitingRows />}
      {first?.total === 0 && <First me={me} />}
    </section>
  );
}

function First({ me }: { me: Me }) {
  if (!me.mayCreate) return <Text c="dimmed">None is yours. Creating them takes another role than {me.role}; an admin can give you one.</Text>;
  return (
    <>
      <Text c="dimmed" mb={12}>
        None yet. Say which image, and the cluster finds a dock for it.
      </Text>
      <ButtonLink to="/containers/new" leftSection={<IconPlus size={16} />}>
        Create container
      </ButtonLink>
    </>
  );
}
