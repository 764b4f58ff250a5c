// What the Docker daemon of a dock says of itself: what matters first, then all of it.
import { Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { call } from "@/api/client";
import { bytes } from "@/ui/fmt";
import { Empty, Trouble } from "@/ui/trouble";
import { WaitingRows } from "../overview/rows";

/** Some of Docker's `GET /info`. */
interface Info {
  ServerVersion?: string;
  OperatingSystem?: string;
  KernelVersion?: string;
  Architecture?: string;
  NCPU?: number;
  MemTotal?: number;
  Driver?: string;
  LoggingDriver?: string;
  CgroupDriver?: string;
  CgroupVersion?: string;
  DefaultRuntime?: string;
  DockerRootDir?: string;
  SecurityOptions?: string[] | null;
  Images?: number;
  Containers?: number;
  Warnings?: string[] | null;
}

const joined = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(" ");

function facts(info: Info): [string, string | undefined][] {
  return [
    ["Docker", info.ServerVersion],
    ["System", joined(info.OperatingSystem, info.Architecture && `(${info.Architecture})`)],
    ["Kernel", info.KernelVersion],
    ["Processors", info.NCPU?.toString()],
    ["Memory", info.MemTotal === undefined ? undefined : bytes(info.MemTotal)],
    ["Storage", info.Driver],
    ["Logs", info.LoggingDriver],
    ["Control groups", joined(info.CgroupVersion && `v${info.CgroupVersion}`, info.CgroupDriver && `by ${info.CgroupDriver}`)],
    ["Runtime", info.DefaultRuntime],
    ["Data", info.DockerRootDir],
    ["Security", info.SecurityOptions?.map((option) => option.replace(/^name=/, "")).join("; ")],
  ];
}

export function Engine({ dock, reachable }: { dock: string; reachable: boolean }) {
  const { data, error, refetch } = useQuery({ queryKey: ["system-info", dock], queryFn: () => call<Info>("system-info", { dock }), enabled: reachable });
  if (!reachable && !data) {
    return (
      <Empty icon={IconPlugConnectedX} title={`${dock} cannot be asked now`}>
        <p>What its engine says of itself is read when it answers again.</p>
      </Empty>
    );
  }
  if (!data) return error ? <Trouble what="What its engine says" error={error} retry={refetch} /> : <WaitingRows rows={8} />;
  return (
    <section className="card panel" aria-label="Engine">
      <Title order={2}>Engine</Title>
      {data.Warnings?.map((warning) => (
        <p key={warning} className="level-warn">
          {warning}
        </p>
      ))}
      <dl className="facts">
        {facts(data).map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value || "Not told"}</dd>
          </div>
        ))}
      </dl>
      <details className="whole">
        <summary>All that it says</summary>
        <pre className="json" tabIndex={0} aria-label="All that the engine says, as JSON">
          {JSON.stringify(data, null, 2)}
        </pre>
      </details>
    </section>
  );
}
