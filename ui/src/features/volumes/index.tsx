// All volumes of all docks.
import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconDatabase, IconPlus, IconTrash } from "@tabler/icons-react";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { VolumeRow } from "@/api/types";
import { Copyable } from "@/ui/copy";
import { DataTable, type Column } from "@/ui/data-table";
import { count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { Ago } from "@/ui/time";
import { WhyButton, WhyIcon } from "../resources/button";
import { confirmRemoval } from "../resources/confirm";
import { Filters, Silent, useDocks } from "../resources/frame";
import { ListBody } from "../resources/list-body";
import { MadeAndLabels } from "../resources/made";
import { Prune } from "../resources/prune";
import { lacks } from "../resources/rights";
import { Sheet } from "../resources/sheet";
import { CreateVolume } from "./create";

const keyOf = (volume: VolumeRow) => `${volume.dock}/${volume.name}`;
/** Docker names volumes that were given no name by 64 letters. */
const isNameless = (volume: VolumeRow) => /^[0-9a-f]{64}$/.test(volume.name);
const called = (volume: VolumeRow) => (isNameless(volume) ? `${volume.name.slice(0, 12)}…` : volume.name);
const PRUNE = "Docker removes those of them that no container uses at that moment, and what is in them. Since Docker 23 it spares those that were given a name.";

function remove(volume: VolumeRow) {
  const { dock, name } = volume;
  confirmRemoval({
    title: `Remove the volume ${called(volume)}?`,
    verb: "Remove",
    goes: [`${name} on ${dock}`],
    note: "What is in it is lost. Docker refuses while a container has it.",
    onConfirm: () => void send("remove-volume", { dock, volume: name }, keyOf(volume), `${called(volume)} on ${dock}`).then(() => qc.invalidateQueries({ queryKey: q.volumes.queryKey })),
  });
}

export function Volumes() {
  const search = useSearch({ from: "/app/volumes" });
  const navigate = useNavigate({ from: "/volumes" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const query = useQuery(q.volumes);
  const { data: me } = useQuery(q.me);
  const docks = useDocks();
  const [opened, setOpened] = useState<string | null>(null);
  const [creating, setCreating] = useState(false);

  const all = query.data?.volumes ?? [];
  const words = (search.q ?? "").toLowerCase().split(/\s+/);
  const shown = all.filter((one) => (!search.dock || one.dock === search.dock) && words.every((word) => [one.name, one.driver, one.dock].some((text) => text.toLowerCase().includes(word))));
  const mayCreate = lacks(me, "create");
  const mayRemove = lacks(me, "delete");
  const acts = (volume: VolumeRow) => (
    <span className="acts">
      <WhyIcon label={`Remove ${called(volume)} on ${volume.dock}`} tip="Remove" why={mayRemove ?? (volume.lastSeen ? `${volume.dock} does not answer.` : null)} icon={<IconTrash size={17} aria-hidden />} onClick={() => remove(volume)} />
    </span>
  );
  const name = (volume: VolumeRow) => (
    <span className="name">
      <button type="button" onClick={() => setOpened(keyOf(volume))}>
        {called(volume)}
      </button>
      <span className="sub mono">{isNameless(volume) ? "without a name" : volume.mountpoint}</span>
    </span>
  );
  const columns = useMemo<Column<VolumeRow>[]>(
    () => [
      { id: "name", header: "Name", sort: (one) => one.name, cell: name },
      { id: "dock", header: "Dock", sort: (one) => one.dock, cell: (one) => one.dock },
      { id: "driver", header: "Driver", sort: (one) => one.driver, cell: (one) => one.driver },
      { id: "created", header: "Made", until: 820, sort: (one) => one.created && -one.created, cell: (one) => (one.created ? <Ago at={one.created * 1_000} /> : "–") },
      { id: "acts", header: "Actions", cell: acts },
    ],
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [mayRemove],
  );
  const create = (
    <WhyButton why={mayCreate} leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      Create volume
    </WhyButton>
  );
  return (
    <>
      <PageHead
        title="Volumes"
        actions={
          <span className="head-acts">
            <Prune what="volumes" candidates={(dock) => all.filter((one) => one.dock === dock).map(called)} note={PRUNE} />
            {create}
          </span>
        }
      >
        {query.data && <span className="num">{shown.length === all.length ? count(all.length, "volume") : `${shown.length} of ${count(all.length, "volume")}`} on {count(docks.length, "dock")}</span>}
      </PageHead>
      <Filters what="volumes" placeholder="Name, driver" search={search} set={set} />
      {query.data && <Silent docks={query.data.unreachable} dock={search.dock} />}
      <ListBody
        what="volumes"
        query={query}
        all={all.length}
        fitting={shown.length}
        icon={IconDatabase}
        first={{ title: "No volumes yet", words: "A volume keeps data longer than a container lives. Docker makes one too when a container asks for it.", action: create }}
        onClear={() => void navigate({ search: {}, replace: true })}
      >
        <DataTable
          label="Volumes"
          rows={shown}
          columns={columns}
          rowId={keyOf}
          sort={search.sort ?? "name"}
          onSort={(sort) => set({ sort: sort === "name" ? undefined : sort })}
          stale={(one) => !!one.lastSeen}
          card={(one) => (
            <>
              {name(one)}
              <div className="card-foot">
                <span className="meta">
                  <span>{one.dock}</span>
                  <span>{one.driver}</span>
                  {one.created && <Ago at={one.created * 1_000} />}
                </span>
                {acts(one)}
              </div>
            </>
          )}
        />
      </ListBody>
      <VolumeSheet volume={all.find((one) => keyOf(one) === opened) ?? null} onClose={() => setOpened(null)} />
      <CreateVolume opened={creating} onClose={() => setCreating(false)} />
    </>
  );
}

function VolumeSheet({ volume, onClose }: { volume: VolumeRow | null; onClose: () => void }) {
  return (
    <Sheet title={volume ? called(volume) : ""} opened={!!volume} onClose={onClose} size={520}>
      {volume && (
        <dl className="facts">
          <dt>Dock</dt>
          <dd>{volume.dock}</dd>
          <dt>Name</dt>
          <dd>
            <Copyable text={volume.name} name="volume name" />
          </dd>
          <dt>Driver</dt>
          <dd>{volume.driver}</dd>
          <dt>Folder</dt>
          <dd>
            <Copyable text={volume.mountpoint} name="folder" />
          </dd>
          <MadeAndLabels of={volume} />
        </dl>
      )}
    </Sheet>
  );
}
