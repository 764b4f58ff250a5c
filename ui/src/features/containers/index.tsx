import "./containers.css";
import { useCallback, useMemo, useRef } from "react";
import { Button, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconBoxOff, IconPlugConnectedX, IconPlus } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Docks, Instance } from "@/api/types";
import type { ListSearch } from "@/app/router";
import { count } from "@/ui/fmt";
import { ButtonLink } from "@/ui/link";
import { PageHead } from "@/ui/page-head";
import { For } from "@/ui/time";
import { Empty, Trouble } from "@/ui/trouble";
import { BulkBar } from "./bulk";
import { ContainerCards } from "./cards";
import { cleared, filterOf, isFiltered, sortedBy } from "./filter";
import { FilterBar } from "./filter-bar";
import { useMarks } from "./marks";
import { useMoreMenu } from "./menu";
import { useRowKeys } from "./row-keys";
import { ContainerTable } from "./table";

const NOBODY: Instance[] = [];
const silent = ({ docks }: Docks) => docks.filter((dock) => !dock.reachable).map(({ name, lastSeen }) => ({ name, lastSeen }));

/** The rows of all pages that were read, each once: a row may move to another page while they are read. */
function useInstances(search: ListSearch) {
  const asked = useInfiniteQuery({ ...q.instances(filterOf(search)), placeholderData: keepPreviousData });
  const { data, fetchNextPage, hasNextPage, isFetchingNextPage } = asked;
  const instances = useMemo(() => {
    if (!data) return NOBODY;
    if (data.pages.length === 1) return data.pages[0]!.instances;
    return [...new Map(data.pages.flatMap((page) => page.instances).map((instance) => [instance.id, instance])).values()];
  }, [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage]);
  return { asked, instances, more, newest: data?.pages.at(-1) };
}

function SilentNote({ search }: { search: ListSearch }) {
  const { data = [] } = useQuery({ ...q.docks, select: silent });
  const here = search.dock ? data.filter((dock) => dock.name === search.dock) : data;
  if (here.length === 0) return null;
  return (
    <div className="note hatched">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        {here.map(({ name, lastSeen }) => (
          <span key={name}>
            <b>{name}</b> {lastSeen === null ? "was never heard" : <>has been silent for <For since={lastSeen} /></>}.{" "}
          </span>
        ))}
        What runs there is listed as it was last seen.
      </span>
    </div>
  );
}

const Waiting = () => (
  <div className="card" style={{ padding: "8px 16px" }} aria-busy="true" aria-label="Loading">
    {Array.from({ length: 10 }, (_, at) => (
      <Skeleton key={at} h={30} my={22} />
    ))}
  </div>
);

const Create = () => (
  <ButtonLink to="/containers/new" search={{}} leftSection={<IconPlus size={16} />}>
    Create container
  </ButtonLink>
);

export function Containers() {
  const search = useSearch({ from: "/app/containers" });
  const navigate = useNavigate({ from: "/containers" });
  const wide = useMediaQuery("(min-width: 48em)", true, { getInitialValueInEffect: false });
  const field = useRef<HTMLInputElement>(null);
  const { data: me } = useQuery(q.me);
  const { data: docks = 0 } = useQuery({ ...q.docks, select: (all) => all.docks.length });
  const { asked, instances, more, newest } = useInstances(search);
  const marks = useMarks(instances);
  const [openMenu, menu] = useMoreMenu(!wide);
  const at = useRowKeys(instances, marks, () => field.current?.focus());

  const set = useCallback((next: ListSearch) => void navigate({ search: next, replace: true }), [navigate]);
  const clear = () => set(cleared(search));
  const sort = (column: string) => set(sortedBy(search, column));
  const total = newest?.total ?? 0;
  const all = newest?.counts.all ?? 0;
  const list = { instances, total, search, openMenu, onMore: more };

  return (
    <>
      <PageHead title="Containers" actions={me?.mayCreate && (all > 0 || !newest) ? <Create /> : undefined}>
        {newest && <span className="num">{`${total === all ? count(all, "container") : `${total.toLocaleString("en")} of ${count(all, "container")}`} across ${count(docks, "dock")}`}</span>}
      </PageHead>
      <FilterBar search={search} counts={newest?.counts} set={set} clear={clear} field={field} />
      <SilentNote search={search} />
      {asked.isPending ? (
        <Waiting />
      ) : !newest ? (
        <Trouble what="The containers" error={asked.error!} retry={asked.refetch} />
      ) : instances.length === 0 ? (
        isFiltered(search) ? (
          <Empty icon={IconBoxOff} title="No container matches" action={<Button variant="default" onClick={clear}>Clear filters</Button>}>
            <p>Loosen the filters, or look for another name.</p>
          </Empty>
        ) : (
          <Empty icon={IconBoxOff} title="No containers yet" action={me?.mayCreate ? <Create /> : undefined}>
            <p>{me?.mayCreate ? "Create one, and deblox picks the dock with the most room." : "Those that you may see are listed here."}</p>
          </Empty>
        )
      ) : wide ? (
        <ContainerTable {...list} onSort={sort} marks={marks} at={at} />
      ) : (
        <ContainerCards {...list} />
      )}
      {menu}
      <BulkBar marks={marks} />
    </>
  );
}
