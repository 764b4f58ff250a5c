// Docker's own JSON of a container (Docker Engine API, `POST /containers/create`), which templates and inspect-container
// have, as a form; and a form as a template.
import { port as readPort, volume as readVolume } from "./docker-run";
import { EMPTY, portText, toRequest, type Form, type Pair } from "./form";
import { join } from "./words";

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (value && typeof value === "object" && !Array.isArray(value) ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown) => (typeof value === "string" ? value : "");
const line = (value: unknown) => (typeof value === "string" ? join([value]) : join(list(value).map(String)));

/** What a body has that the form cannot show. */
const SHOWN = ["Image", "Cmd", "Env", "Entrypoint", "Labels", "User", "WorkingDir", "Hostname", "Tty", "OpenStdin", "ExposedPorts", "Volumes", "HostConfig"];
const SHOWN_HOST = ["PortBindings", "Binds", "RestartPolicy", "Memory", "NanoCpus", "NetworkMode", "AutoRemove", "Privileged"];
/** What Docker fills in by itself, in each container that it tells about. */
const ORDINARY = new Set(["Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "OnBuild", "StopSignal", "ArgsEscaped", "NetworkDisabled", "MacAddress", "ContainerIDFile", "LogConfig", "VolumeDriver", "ConsoleSize", "CgroupnsMode", "IpcMode", "Isolation", "MaskedPaths", "ReadonlyPaths", "ShmSize", "Runtime", "MemorySwap", "OomKillDisable", "PidMode", "UTSMode", "UsernsMode", "Cgroup", "CgroupParent", "Annotations", "PidsLimit"]);

const says = (value: unknown) => !(value === null || value === undefined || value === "" || value === 0 || value === -1 || value === false || (typeof value === "object" && Object.keys(value).length === 0));

/** `base` is what the image itself says: what is the same there does not belong to the container. */
export function fromDocker(body: Json, base: Json = {}): { form: Form; leftOut: string[] } {
  const host = object(body["HostConfig"]);
  const own = (field: string) => (JSON.stringify(body[field] ?? null) === JSON.stringify(base[field] ?? null) ? undefined : body[field]);
  const inherited = new Set(list(base["Env"]).map(String));
  const baseLabels = object(base["Labels"]);
  const pair = (whole: string): Pair => {
    const at = whole.indexOf("=");
    return at < 0 ? { name: whole, value: "" } : { name: whole.slice(0, at), value: whole.slice(at + 1) };
  };
  const restart = object(host["RestartPolicy"]);
  const times = Number(restart["MaximumRetryCount"] ?? 0);
  const binds = list(host["Binds"]).map((bind) => readVolume(String(bind)));
  const anonymous = Object.keys(object(own("Volumes"))).map((target) => ({ source: "", target, options: "" }));
  const network = text(host["NetworkMode"]);
  const form: Form = {
    ...structuredClone(EMPTY),
    image: text(body["Image"]),
    env: list(body["Env"]).map(String).filter((variable) => !inherited.has(variable)).map(pair),
    labels: Object.entries(object(body["Labels"]))
      .filter(([name, value]) => !name.startsWith("deblox.") && baseLabels[name] !== value)
      .map(([name, value]) => ({ name, value: String(value) })),
    command: line(own("Cmd")),
    entrypoint: line(own("Entrypoint")),
    user: text(own("User")),
    workdir: text(own("WorkingDir")),
    hostname: text(body["Hostname"]),
    tty: body["Tty"] === true,
    interactive: body["OpenStdin"] === true,
    ports: Object.entries(object(host["PortBindings"])).flatMap(([container, bindings]) => {
      const published = list(bindings).length ? list(bindings) : [{}];
      return published.map((binding) => {
        const { HostIp = "", HostPort = "" } = object(binding) as { HostIp?: string; HostPort?: string };
        const ip = HostIp.includes(":") ? `[${HostIp}]` : HostIp;
        return { ...readPort(container), host: [ip, HostPort].filter(Boolean).join(":") };
      });
    }),
    volumes: [...binds, ...anonymous],
    restart: text(restart["Name"]) ? `${text(restart["Name"])}${times ? `:${times}` : ""}` : "no",
    memory: size(Number(host["Memory"] ?? 0)),
    cpus: Number(host["NanoCpus"]) ? String(Number(host["NanoCpus"]) / 1e9) : "",
    network: ["default", "bridge"].includes(network) ? "" : network,
    autoRemove: host["AutoRemove"] === true,
    privileged: host["Privileged"] === true,
  };
  const beyond = (fields: Json, shown: string[], same: Json = {}) => Object.keys(fields).filter((field) => !shown.includes(field) && !ORDINARY.has(field) && says(fields[field]) && JSON.stringify(fields[field]) !== JSON.stringify(same[field]));
  return { form, leftOut: [...beyond(body, SHOWN, base), ...beyond(host, SHOWN_HOST)] };
}

/** Bytes as the form has them, such as 512m. */
function size(bytes: number) {
  if (!bytes) return "";
  for (const [unit, factor] of [["g", 2 ** 30], ["m", 2 ** 20], ["k", 2 ** 10]] as const) if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  return String(bytes);
}

const UNITS: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
function bytes(text: string) {
  const [, number = "0", unit = ""] = /^([\d.]+)\s*([kmgt]?)/i.exec(text) ?? [];
  return Math.round(Number(number) * UNITS[unit.toLowerCase()]!);
}

/** What an inspected container is, for a further one like it; an id for its own host name is Docker's doing. */
export function fromInspect(container: Json, image: Json = {}) {
  const body = { ...object(container["Config"]), HostConfig: object(container["HostConfig"]) } as Json;
  if (text(container["Id"]).startsWith(text(body["Hostname"]))) delete body["Hostname"];
  return fromDocker(body, object(image["Config"]));
}

/** A template, which is Docker's JSON. */
export function toDocker(form: Form): Json {
  const request = toRequest(form);
  const [restart = "no", times] = form.restart.split(":");
  const volumes = list(request["volumes"]).map(String);
  const ports = form.ports.filter((row) => row.container);
  const bindings: Record<string, Json[]> = {};
  for (const row of ports) {
    const at = row.host.lastIndexOf(":");
    const address = at >= 0 || row.host.includes(".");
    const HostIp = at >= 0 ? row.host.slice(0, at).replace(/[[\]]/g, "") : address ? row.host : "";
    (bindings[`${row.container}/${row.protocol}`] ??= []).push({ HostIp, HostPort: at >= 0 ? row.host.slice(at + 1) : address ? "" : row.host });
  }
  const host: Json = {
    PortBindings: bindings,
    Binds: volumes.filter((volume) => volume.includes(":")),
    RestartPolicy: restart === "no" ? null : { Name: restart, MaximumRetryCount: Number(times ?? 0) },
    Memory: form.memory ? bytes(form.memory) : 0,
    NanoCpus: form.cpus ? Math.round(Number(form.cpus) * 1e9) : 0,
    NetworkMode: form.network,
    AutoRemove: form.autoRemove,
    Privileged: form.privileged,
  };
  const body: Json = {
    Image: form.image,
    Cmd: request["cmd"],
    Entrypoint: request["entrypoint"],
    Env: request["env"],
    Labels: Object.fromEntries(form.labels.filter((row) => row.name).map((row) => [row.name, row.value])),
    User: form.user,
    WorkingDir: form.workdir,
    Hostname: form.hostname,
    Tty: form.tty,
    OpenStdin: form.interactive,
    ExposedPorts: Object.fromEntries(ports.map((row) => [portText({ ...row, host: "" }).replace(/^\d[\d-]*$/, "$&/tcp"), {}])),
    Volumes: Object.fromEntries(volumes.filter((volume) => !volume.includes(":")).map((path) => [path, {}])),
    HostConfig: Object.fromEntries(Object.entries(host).filter(([, value]) => says(value))),
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => says(value)));
}
