// One network: who is in it, and letting containers of its dock in and out.
import { useState } from "react";
import { Group, Select, Skeleton, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { IconPlugConnected, IconPlugX } from "@tabler/icons-react";
import { call, qc } from "@/api/client";
import { act } from "@/api/requests";
import type { Instance, NetworkRow } from "@/api/types";
import { Copyable } from "@/ui/copy";
import { Trouble } from "@/ui/trouble";
import { WhyButton, WhyIcon } from "../resources/button";
import { useAllInstances } from "../resources/instances";
import { MadeAndLabels } from "../resources/made";
import { Sheet } from "../resources/sheet";

/** What Docker says of a network (Docker Engine API, `GET /networks/{id}`). */
interface Inspected {
  Containers?: Record<string, { Name: string; IPv4Address?: string; IPv6Address?: string }> | null;
  IPAM?: { Config?: { Subnet?: string; Gateway?: string }[] | null };
  Options?: Record<string, string> | null;
}

const inspected = ({ dock, id }: NetworkRow) => queryOptions({ queryKey: ["networks", "one", dock, id], queryFn: () => call<Inspected>("inspect-network", { dock, network: id }) });

export function NetworkSheet({ network, onClose }: { network: NetworkRow | null; onClose: () => void }) {
  return (
    <Sheet title={network?.name ?? ""} opened={!!network} onClose={onClose} size={520}>
      {network && <Detail network={network} />}
    </Sheet>
  );
}

function Detail({ network }: { network: NetworkRow }) {
  const { data, error, isPending, refetch } = useQuery({ ...inspected(network), enabled: !network.lastSeen });
  const addresses = data?.IPAM?.Config ?? [];
  return (
    <Stack gap={22}>
      <dl className="facts">
        <dt>Dock</dt>
        <dd>{network.dock}</dd>
        <dt>Driver</dt>
        <dd>
          {network.driver}
          {network.internal && ", internal"}
          {network.attachable && ", attachable"}
        </dd>
        <dt>Id</dt>
        <dd>
          <Copyable text={network.id} short={network.id.slice(0, 12)} name="network id" />
        </dd>
        {addresses.length > 0 && (
          <>
            <dt>Addresses</dt>
            <dd className="mono">
              {addresses.map(({ Subnet, Gateway }) => (
                <div key={Subnet}>
                  {Subnet}
                  {Gateway && ` by ${Gateway}`}
                </div>
              ))}
            </dd>
          </>
        )}
        <MadeAndLabels of={network} />
      </dl>
      {network.lastSeen ? (
        <Text size="sm" c="dimmed">
          {network.dock} does not answer, so who is in it now is not known.
        </Text>
      ) : error ? (
        <Trouble what="The network" error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton height={120} radius="lg" aria-label="Reading" />
      ) : (
        <Members network={network} containers={data?.Containers ?? {}} />
      )}
    </Stack>
  );
}

const reread = (network: NetworkRow) => qc.invalidateQueries({ queryKey: inspected(network).queryKey });
const may = (one: Instance) => (one.rights.includes("operate") ? null : (one.why ?? "You may look at it, not change it."));

function Members({ network, containers }: { network: NetworkRow; containers: NonNullable<Inspected["Containers"]> }) {
  const { instances } = useAllInstances({ dock: network.dock });
  const [chosen, setChosen] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const inside = Object.entries(containers).map(([id, endpoint]) => ({ id, ...endpoint, instance: instances.find((one) => one.id === id) }));
  const outside = instances.filter((one) => !(one.id in containers));
  const target = outside.find((one) => one.id === chosen);
  const why = !target ? "Choose a container." : may(target);
  const connect = async (one: Instance) => {
    setBusy(true);
    const end = await act(one, "connect-network", { network: network.id });
    setBusy(false);
    if (end.state === "done") setChosen(null);
    void reread(network);
  };
  const disconnect = (one: Instance) =>
    modals.openConfirmModal({
      title: `Disconnect ${one.name}?`,
      centered: true,
      labels: { confirm: "Disconnect", cancel: "Cancel" },
      confirmProps: { color: "red.8" },
      closeButtonProps: { "aria-label": "Close" },
      children: (
        <Text size="sm">
          {one.name} leaves {network.name}: what talks to it there loses it at once. It goes on running.
        </Text>
      ),
      onConfirm: () => void act(one, "disconnect-network", { network: network.id }).then(() => reread(network)),
    });
  return (
    <>
      <section>
        <h3 className="small-head">Containers in it</h3>
        {inside.length === 0 && <p className="faint">None that runs.</p>}
        <ul className="members">
          {inside.map(({ id, Name, IPv4Address, IPv6Address, instance }) => (
            <li key={id}>
              <span className="grow">
                {instance ? (
                  <Link className="plain-link" to="/containers/$dock/$id" params={{ dock: network.dock, id }}>
                    {instance.name}
                  </Link>
                ) : (
                  Name
                )}
                <span className="mono faint"> {(IPv4Address || IPv6Address || "").split("/")[0]}</span>
              </span>
              <WhyIcon label={`Disconnect ${instance?.name ?? Name}`} tip="Disconnect" why={instance ? may(instance) : "You do not see this container."} icon={<IconPlugX size={17} aria-hidden />} onClick={() => instance && disconnect(instance)} />
            </li>
          ))}
        </ul>
      </section>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (target && !why && !busy) void connect(target);
        }}
      >
        <h3 className="small-head">Let one in</h3>
        <Group align="end" gap={8} wrap="nowrap">
          <Select
            style={{ flex: 1 }}
            label={`A container of ${network.dock}`}
            placeholder="Name"
            searchable
            limit={50}
            nothingFoundMessage="None of that name"
            data={outside.map((one) => ({ value: one.id, label: one.name }))}
            value={chosen}
            onChange={setChosen}
          />
          <WhyButton type="submit" variant="default" why={why} loading={busy} leftSection={<IconPlugConnected size={16} />} onClick={() => {}}>
            Connect
          </WhyButton>
        </Group>
      </form>
    </>
  );
}
