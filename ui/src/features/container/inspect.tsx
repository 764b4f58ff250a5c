// What Docker knows of a container: what people look for first, and then all of it.
import { useState } from "react";
import { Button, Skeleton } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { call } from "@/api/client";
import type { Instance } from "@/api/types";
import { CodeBox, Copyable } from "@/ui/copy";
import { bytes } from "@/ui/fmt";
import { Trouble } from "@/ui/trouble";
import { fullTime } from "@/ui/times";
import { Silent } from "./silent";
import { summary, type Inspected, type Summary } from "./summary";

const inspected = (instance: Instance) =>
  queryOptions({
    queryKey: ["instances", "inspected", instance.dock, instance.id, instance.state, instance.since, instance.name],
    queryFn: () => call<Inspected>("inspect-container", { id: instance.id, dock: instance.dock }),
    staleTime: 10_000,
  });

export function Inspect({ instance }: { instance: Instance }) {
  if (instance.condition === "unknown") return <Silent instance={instance} what="What Docker knows of it is on the dock." />;
  return <Read instance={instance} />;
}

function Read({ instance }: { instance: Instance }) {
  const { data, error, refetch } = useQuery(inspected(instance));
  if (!data) return error ? <Trouble what="What Docker knows of it" error={error} retry={refetch} /> : <Skeleton h={420} radius="lg" />;
  return (
    <div className="inspect">
      <Facts of={summary(data)} />
      <details className="card">
        <summary>All that Docker says</summary>
        <CodeBox text={JSON.stringify(data, null, 2)} name="JSON" />
      </details>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A heading with a table of names and values; nothing if there are none. */
function Pairs({ title, names, rows }: { title: string; names: [string, string]; rows: [string, React.ReactNode][] }) {
  if (rows.length === 0) return null;
  return (
    <section className="card inspect-facts" aria-label={title}>
      <h2>{title}</h2>
      <table aria-label={title}>
        <thead>
          <tr>
            <th scope="col">{names[0]}</th>
            <th scope="col">{names[1]}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, value], at) => (
            <tr key={`${name} ${at}`}>
              <th scope="row" className="mono">
                {name}
              </th>
              <td className="mono">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Values are hidden until they are asked for: passwords are often among them. */
function Environment({ env }: { env: [string, string][] }) {
  const [shown, setShown] = useState<ReadonlySet<string>>(new Set());
  const show = (name: string) => setShown((before) => new Set([...before, name]));
  const rows = env.map(([name, value]): [string, React.ReactNode] => [
    name,
    shown.has(name) ? (
      value || <span className="dim">empty</span>
    ) : (
      <Button size="compact-xs" variant="default" onClick={() => show(name)} aria-label={`Show the value of ${name}`}>
        Show
      </Button>
    ),
  ]);
  return <Pairs title="Environment" names={["Name", "Value"]} rows={rows} />;
}

function Facts({ of }: { of: Summary }) {
  return (
    <>
      <section className="card inspect-facts" aria-label="Summary">
        <h2>Summary</h2>
        <dl>
          <Fact name="Id">
            <Copyable text={of.id} name="id" short={of.id.slice(0, 12)} />
          </Fact>
          <Fact name="Image">
            <span className="mono">{of.image}</span>
          </Fact>
          <Fact name="Command">
            <span className="mono">{of.command || "that of the image"}</span>
          </Fact>
          {of.workdir && (
            <Fact name="Working directory">
              <span className="mono">{of.workdir}</span>
            </Fact>
          )}
          {of.user && (
            <Fact name="User">
              <span className="mono">{of.user}</span>
            </Fact>
          )}
          <Fact name="Created">{of.created === null ? "not known" : fullTime(of.created)}</Fact>
          {of.started !== null && <Fact name="Started">{fullTime(of.started)}</Fact>}
          <Fact name="Restart">
            {of.restart}
            {of.restarts > 0 && `, restarted ${of.restarts}×`}
          </Fact>
          <Fact name="Memory">{of.memory ? `at most ${bytes(of.memory)}` : "no limit"}</Fact>
          <Fact name="Processors">{of.cpus ? `at most ${of.cpus}` : "no limit"}</Fact>
        </dl>
      </section>
      <Pairs title="Ports" names={["In the container", "On the host"]} rows={of.ports} />
      <Pairs title="Mounts" names={["In the container", "From"]} rows={of.mounts} />
      <Pairs title="Networks" names={["Name", "Address"]} rows={of.networks} />
      <Environment env={of.env} />
      <Pairs title="Labels" names={["Name", "Value"]} rows={of.labels} />
    </>
  );
}
