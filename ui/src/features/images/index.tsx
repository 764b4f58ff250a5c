// All images of all docks: the same one is one row, wherever it is.
import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { IconDownload, IconPhoto, IconTrash } from "@tabler/icons-react";
import { q } from "@/api/client";
import { usePendingFor } from "@/api/requests";
import type { Dock } from "@/api/types";
import { DataTable, type Column } from "@/ui/data-table";
import { bytes, count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { Ago } from "@/ui/time";
import { WhyButton, WhyIcon } from "../resources/button";
import { Filters, Silent, useDocks } from "../resources/frame";
import { useAllInstances } from "../resources/instances";
import { ListBody } from "../resources/list-body";
import { Prune } from "../resources/prune";
import { lacks } from "../resources/rights";
import { ImageSheet } from "./detail";
import { fits, groupImages, isDangling, nameOf, short, type ImageGroup } from "./group";
import { PullSheet } from "./pull-sheet";
import { underWay, usePulls } from "./pulls";
import { removeImage } from "./remove";

const PRUNE = "Docker removes those without a name that no container uses at that moment.";

export function Images() {
  const search = useSearch({ from: "/app/images" });
  const navigate = useNavigate({ from: "/images" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const query = useQuery(q.images);
  const { data } = query;
  const { data: me } = useQuery(q.me);
  const docks = useDocks();
  const { instances, complete } = useAllInstances();
  const pulling = usePulls().filter(underWay).length;
  const [opened, setOpened] = useState<string | null>(null);
  const [pullOpened, setPullOpened] = useState(false);

  const groups = useMemo(() => groupImages(data?.images ?? [], instances), [data, instances]);
  const shown = useMemo(() => groups.filter((group) => (!search.dock || group.rows.some((row) => row.dock === search.dock)) && (!search.q || fits(group, search.q))), [groups, search.dock, search.q]);
  const detail = groups.find((group) => group.key === opened) ?? null;
  const mayPull = lacks(me, "create");
  const mayRemove = lacks(me, "delete");
  const columns = useMemo<Column<ImageGroup>[]>(() => {
    const name = (group: ImageGroup) => <Name group={group} onOpen={() => setOpened(group.key)} />;
    const acts = (group: ImageGroup) => <Acts group={group} docks={docks} only={search.dock} mayPull={mayPull} mayRemove={mayRemove} onPull={(pull) => set({ pull })} />;
    return [
      { id: "name", header: "Image", sort: nameOf, cell: name },
      { id: "docks", header: "Docks", sort: (group) => group.rows.length, cell: (group) => <Where group={group} /> },
      { id: "size", header: "Size", numeric: true, sort: (group) => group.size, cell: (group) => bytes(group.size) },
      { id: "created", header: "Built", until: 1000, sort: (group) => -group.created, cell: (group) => <Ago at={group.created * 1_000} /> },
      { id: "users", header: "In use by", sort: (group) => group.users.length, cell: (group) => <Users group={group} complete={complete} /> },
      { id: "acts", header: "Actions", cell: acts },
    ];
    // `set` is made anew at each turn, and always does the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [docks, search.dock, mayPull, mayRemove, complete]);

  const dangling = (dock: string) => groups.filter((group) => isDangling(group) && !group.users.length).flatMap((group) => group.rows.filter((row) => row.dock === dock).map((row) => `${nameOf(group)} ${short(row.id)} · ${bytes(row.size)}`));
  const pullButton = (
    <WhyButton why={mayPull} leftSection={<IconDownload size={16} />} onClick={() => setPullOpened(true)}>
      {pulling ? `Pull · ${pulling} under way` : "Pull image"}
    </WhyButton>
  );
  return (
    <>
      <PageHead
        title="Images"
        actions={
          <span className="head-acts">
            <Prune what="images" candidates={dangling} note={PRUNE} />
            {pullButton}
          </span>
        }
      >
        {data && <span className="num">{shown.length === groups.length ? count(groups.length, "image") : `${shown.length} of ${count(groups.length, "image")}`} on {count(docks.length, "dock")}</span>}
      </PageHead>
      <Filters what="images" placeholder="Name, tag, digest, dangling" search={search} set={set} />
      {data && <Silent docks={data.unreachable} dock={search.dock} />}
      <ListBody
        what="images"
        query={query}
        all={groups.length}
        fitting={shown.length}
        icon={IconPhoto}
        first={{ title: "No images yet", words: "Pull one to a dock, or create a container: its image is fetched then.", action: pullButton }}
        onClear={() => void navigate({ search: {}, replace: true })}
      >
        <DataTable
          label="Images"
          rows={shown}
          columns={columns}
          rowId={(group) => group.key}
          sort={search.sort ?? "name"}
          onSort={(sort) => set({ sort: sort === "name" ? undefined : sort })}
          stale={(group) => group.rows.every((row) => row.lastSeen)}
          card={(group) => (
            <>
              <Name group={group} onOpen={() => setOpened(group.key)} />
              <div className="meta">
                <span className="num">{bytes(group.size)}</span>
                <Users group={group} complete={complete} />
              </div>
              <div className="card-foot">
                <Where group={group} />
                <Acts group={group} docks={docks} only={search.dock} mayPull={mayPull} mayRemove={mayRemove} onPull={(pull) => set({ pull })} />
              </div>
            </>
          )}
        />
      </ListBody>
      <ImageSheet group={detail} onClose={() => setOpened(null)} />
      <PullSheet
        key={search.pull}
        opened={(pullOpened || !!search.pull) && !mayPull}
        image={search.pull ?? ""}
        onClose={() => {
          setPullOpened(false);
          set({ pull: undefined });
        }}
      />
    </>
  );
}

function Name({ group, onOpen }: { group: ImageGroup; onOpen: () => void }) {
  const more = group.tags.length - 1;
  return (
    <span className="name">
      <button type="button" onClick={onOpen}>
        {nameOf(group)}
      </button>
      <span className="sub mono">
        {short(group.key)}
        {isDangling(group) && " · dangling"}
        {more > 0 && ` · ${count(more, "more name")}`}
      </span>
      {group.differs.length > 0 && (
        <span className="differs" data-tip="Another dock has another image under this name. Pull it there to have the same.">
          differs between docks
        </span>
      )}
    </span>
  );
}

const Where = ({ group }: { group: ImageGroup }) => (
  <span className="docks">
    {group.rows.map((row) => (
      <span key={row.dock + row.id} className={`pill${row.lastSeen ? " off" : ""}`} data-tip={row.lastSeen ? `${row.dock} does not answer; it had it when it was last heard.` : undefined}>
        {row.dock}
      </span>
    ))}
  </span>
);

function Users({ group, complete }: { group: ImageGroup; complete: boolean }) {
  const { data: seesAll } = useQuery({ ...q.me, select: (me) => me.seesAll });
  if (group.users.length === 0) return <span className="faint">{!complete ? "…" : seesAll ? "nobody" : "nobody that you see"}</span>;
  const [first] = group.users;
  const names = group.users.map((user) => `${user.name} (${user.dock})`);
  return (
    <Link className="plain-link" to="/containers" search={{ q: first!.name === nameOf(group) || group.users.length > 1 ? nameOf(group) : first!.name }} data-tip={names.slice(0, 12).join(", ")}>
      {group.users.length === 1 ? first!.name : count(group.users.length, "container")}
    </Link>
  );
}

interface ActsProps {
  group: ImageGroup;
  docks: Dock[];
  only: string | undefined;
  mayPull: string | null;
  mayRemove: string | null;
  onPull: (image: string) => void;
}

function Acts({ group, docks, only, mayPull, mayRemove, onPull }: ActsProps) {
  const pending = usePendingFor(`image:${group.key}`);
  const name = nameOf(group);
  return (
    <span className="acts">
      <WhyIcon label={`Pull ${name}`} tip="Pull" why={mayPull ?? (isDangling(group) ? "It has no name to pull it by." : null)} icon={<IconDownload size={17} aria-hidden />} onClick={() => onPull(name)} />
      <WhyIcon label={`Remove ${name}`} tip="Remove" why={mayRemove ?? (pending ? "It is being changed." : null)} icon={<IconTrash size={17} aria-hidden />} onClick={() => removeImage(group, docks, only)} />
    </span>
  );
}
