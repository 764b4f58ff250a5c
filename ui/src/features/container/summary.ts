// The few things of Docker's long answer that people look for.

/** The parts of Docker's answer that are used here; any of them may be absent. */
export interface Inspected {
  Id?: string;
  Created?: string;
  Path?: string;
  Args?: string[];
  RestartCount?: number;
  State?: { StartedAt?: string };
  Config?: { Image?: string; Entrypoint?: string[] | null; Cmd?: string[] | null; Env?: string[] | null; WorkingDir?: string; User?: string; Labels?: Record<string, string> | null };
  HostConfig?: { RestartPolicy?: { Name?: string; MaximumRetryCount?: number }; Memory?: number; NanoCpus?: number };
  Mounts?: { Type?: string; Name?: string; Source?: string; Destination?: string; RW?: boolean }[];
  NetworkSettings?: { Networks?: Record<string, { IPAddress?: string; GlobalIPv6Address?: string }> | null; Ports?: Record<string, { HostIp?: string; HostPort?: string }[] | null> | null };
}

export interface Summary {
  id: string;
  image: string;
  command: string;
  workdir: string;
  user: string;
  created: number | null;
  started: number | null;
  restart: string;
  restarts: number;
  memory: number;
  cpus: number;
  ports: [string, string][];
  mounts: [string, string][];
  networks: [string, string][];
  env: [string, string][];
  labels: [string, string][];
}

/** Docker says the year 1 of what never was. */
function timeOf(text: string | undefined): number | null {
  const time = text ? Date.parse(text) : Number.NaN;
  return time > 0 ? time : null;
}

/** As one would type it. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`);

function commandOf({ Config, Path, Args }: Inspected): string {
  const words = Path ? [Path, ...(Args ?? [])] : [...(Config?.Entrypoint ?? []), ...(Config?.Cmd ?? [])];
  return words.map(quoted).join(" ");
}

function pairOf(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

const byName = (pairs: [string, string][]) => pairs.sort(([a], [b]) => a.localeCompare(b));

export function summary(of: Inspected): Summary {
  const { Config, HostConfig, NetworkSettings } = of;
  const policy = HostConfig?.RestartPolicy;
  return {
    id: of.Id ?? "",
    image: Config?.Image ?? "",
    command: commandOf(of),
    workdir: Config?.WorkingDir ?? "",
    user: Config?.User ?? "",
    created: timeOf(of.Created),
    started: timeOf(of.State?.StartedAt),
    restart: `${policy?.Name || "no"}${policy?.MaximumRetryCount ? `, at most ${policy.MaximumRetryCount} times` : ""}`,
    restarts: of.RestartCount ?? 0,
    memory: HostConfig?.Memory ?? 0,
    cpus: (HostConfig?.NanoCpus ?? 0) / 1e9,
    ports: Object.entries(NetworkSettings?.Ports ?? {}).map(([port, bound]) => [port, bound?.map(({ HostIp, HostPort }) => `${HostIp ?? ""}:${HostPort ?? ""}`).join(", ") || "not published"]),
    mounts: (of.Mounts ?? []).map((mount) => [mount.Destination ?? "", `${mount.Type === "volume" ? `volume ${mount.Name}` : mount.Source || mount.Type}${mount.RW === false ? ", read only" : ""}`]),
    networks: Object.entries(NetworkSettings?.Networks ?? {}).map(([name, { IPAddress, GlobalIPv6Address }]) => [name, [IPAddress, GlobalIPv6Address].filter(Boolean).join(", ") || "none"]),
    env: byName((Config?.Env ?? []).map(pairOf)),
    labels: byName(Object.entries(Config?.Labels ?? {})),
  };
}
