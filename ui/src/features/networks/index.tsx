// All networks of all docks.
import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconNetwork, IconPlus, IconTrash } from "@tabler/icons-react";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { NetworkRow } from "@/api/types";
import { DataTable, type Column } from "@/ui/data-table";
import { count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { Ago } from "@/ui/time";
import { WhyButton, WhyIcon } from "../resources/button";
import { confirmRemoval } from "../resources/confirm";
import { Filters, Silent, useDocks } from "../resources/frame";
import { ListBody } from "../resources/list-body";
import { Prune } from "../resources/prune";
import { lacks } from "../resources/rights";
import { CreateNetwork } from "./create";
import { NetworkSheet } from "./detail";

const keyOf = (network: NetworkRow) => `${network.dock}/${network.id}`;
/** Docker's own, which cannot be removed. */
const OWN = new Set(["bridge", "host", "none"]);
const PRUNE = "Docker removes those of them that no container uses at that moment.";

function remove(network: NetworkRow) {
  const { dock, id, name } = network;
  confirmRemoval({
    title: `Remove the network ${name}?`,
    verb: "Remove",
    goes: [`${name} on ${dock}`],
    note: "Docker refuses while a container is in it.",
    onConfirm: () => void send("remove-network", { dock, network: id }, keyOf(network), `${name} on ${dock}`).then(() => qc.invalidateQueries({ queryKey: q.networks.queryKey })),
  });
}

export function Networks() {
  const search = useSearch({ from: "/app/networks" });
  const navigate = useNavigate({ from: "/networks" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const query = useQuery(q.networks);
  const { data: me } = useQuery(q.me);
  const docks = useDocks();
  const [opened, setOpened] = useState<string | null>(null);
  const [creating, setCreating] = useState(false);

  const all = query.data?.networks ?? [];
  const words = (search.q ?? "").toLowerCase().split(/\s+/);
  const shown = all.filter((one) => (!search.dock || one.dock === search.dock) && words.every((word) => [one.name, one.driver, one.dock, one.id].some((text) => text.toLowerCase().includes(word))));
  const mayCreate = lacks(me, "create");
  const mayRemove = lacks(me, "delete");
  const why = (network: NetworkRow) => mayRemove ?? (OWN.has(network.name) ? "It is Docker's own." : network.lastSeen ? `${network.dock} does not answer.` : null);
  const acts = (network: NetworkRow) => (
    <span className="acts">
      <WhyIcon label={`Remove ${network.name} on ${network.dock}`} tip="Remove" why={why(network)} icon={<IconTrash size={17} aria-hidden />} onClick={() => remove(network)} />
    </span>
  );
  const name = (network: NetworkRow) => (
    <span className="name">
      <button type="button" onClick={() => setOpened(keyOf(network))}>
        {network.name}
      </button>
      <span className="sub mono">{network.id.slice(0, 12)}</span>
    </span>
  );
  const columns = useMemo<Column<NetworkRow>[]>(
    () => [
      // Docker's own come last: nobody looks for them.
      { id: "name", header: "Name", sort: (one) => `${OWN.has(one.name) ? "\uffff" : ""}${one.name}`, cell: name },
      { id: "dock", header: "Dock", sort: (one) => one.dock, cell: (one) => one.dock },
      { id: "driver", header: "Driver", sort: (one) => one.driver, cell: (one) => one.driver },
      { id: "kind", header: "Kind", until: 820, cell: (one) => <Kind network={one} /> },
      { id: "created", header: "Made", until: 1000, sort: (one) => one.created && -one.created, cell: (one) => (one.created ? <Ago at={one.created * 1_000} /> : "–") },
      { id: "acts", header: "Actions", cell: acts },
    ],
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [mayRemove],
  );
  const create = (
    <WhyButton why={mayCreate} leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      Create network
    </WhyButton>
  );
  return (
    <>
      <PageHead
        title="Networks"
        actions={
          <span className="head-acts">
            <Prune what="networks" candidates={(dock) => all.filter((one) => one.dock === dock && !OWN.has(one.name)).map((one) => one.name)} note={PRUNE} />
            {create}
          </span>
        }
      >
        {query.data && <span className="num">{shown.length === all.length ? count(all.length, "network") : `${shown.length} of ${count(all.length, "network")}`} on {count(docks.length, "dock")}</span>}
      </PageHead>
      <Filters what="networks" placeholder="Name, driver, id" search={search} set={set} />
      {query.data && <Silent docks={query.data.unreachable} dock={search.dock} />}
      <ListBody
        what="networks"
        query={query}
        all={all.length}
        fitting={shown.length}
        icon={IconNetwork}
        first={{ title: "No networks yet", words: "Docker makes some of its own as soon as a dock has joined.", action: create }}
        onClear={() => void navigate({ search: {}, replace: true })}
      >
        <DataTable
          label="Networks"
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
                  <Kind network={one} />
                </span>
                {acts(one)}
              </div>
            </>
          )}
        />
      </ListBody>
      <NetworkSheet network={all.find((one) => keyOf(one) === opened) ?? null} onClose={() => setOpened(null)} />
      <CreateNetwork opened={creating} onClose={() => setCreating(false)} />
    </>
  );
}

function Kind({ network }: { network: NetworkRow }) {
  const words = [OWN.has(network.name) && "Docker's own", network.internal && "internal", network.attachable && "attachable", network.scope !== "local" && network.scope].filter(Boolean);
  return <span className="faint">{words.join(", ") || "–"}</span>;
}
