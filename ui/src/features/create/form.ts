// What a container is to be, as it is typed: texts, so that nothing typed is lost, whether it is valid or not.
import { split } from "./words";

export interface Pair {
  name: string;
  value: string;
}
export interface PortRow {
  /** PORT or IP:PORT of the dock; empty for one that Docker chooses. */
  host: string;
  container: string;
  protocol: string;
}
export interface VolumeRow {
  /** A volume's name or a folder of the dock; empty for a new volume without a name. */
  source: string;
  target: string;
  options: string;
}
export const PULL = ["missing", "always", "never"] as const;
export const PROTOCOLS = ["tcp", "udp", "sctp"];

export interface Form {
  image: string;
  name: string;
  /** Empty: the cluster picks. */
  dock: string;
  dockLabels: Pair[];
  instances: string;
  ports: PortRow[];
  env: Pair[];
  volumes: VolumeRow[];
  labels: Pair[];
  memory: string;
  cpus: string;
  restart: string;
  command: string;
  entrypoint: string;
  network: string;
  user: string;
  workdir: string;
  hostname: string;
  tty: boolean;
  interactive: boolean;
  autoRemove: boolean;
  privileged: boolean;
  pull: (typeof PULL)[number];
  start: boolean;
}

export const EMPTY: Form = {
  image: "",
  name: "",
  dock: "",
  dockLabels: [],
  instances: "1",
  ports: [],
  env: [],
  volumes: [],
  labels: [],
  memory: "",
  cpus: "",
  restart: "no",
  command: "",
  entrypoint: "",
  network: "",
  user: "",
  workdir: "",
  hostname: "",
  tty: false,
  interactive: false,
  autoRemove: false,
  privileged: false,
  pull: "missing",
  start: true,
};

/** What is wrong, by field; of a list by its place, such as `ports.0`. */
export type Wrong = Record<string, string>;

const PORT = /^\d{1,5}(-\d{1,5})?$/;
const isPort = (text: string) => PORT.test(text) && text.split("-").every((port) => Number(port) >= 1 && Number(port) <= 65535);
const span = (range: string) => {
  const [from, to] = range.split("-").map(Number);
  return (to ?? from!) - from!;
};

function wrongPort({ host, container }: PortRow): string | null {
  if (!isPort(container)) return "The port in the container is a number from 1 to 65535, or a range such as 8000-8010.";
  const port = host.slice(host.lastIndexOf(":") + 1);
  if (port && !isPort(port)) return "The port of the dock is a number from 1 to 65535, with an address before it if wanted, such as 127.0.0.1:8080.";
  if (port && (span(port) !== span(container) || span(container) < 0)) return "Both ranges must have the same number of ports.";
  return null;
}

function wrongVolume({ source, target }: VolumeRow): string | null {
  if (!target.startsWith("/")) return "The folder in the container begins with /.";
  return /^[.~]/.test(source) ? "A folder of the dock is named by its whole path, from / on." : null;
}
const wrongEnv = ({ name }: Pair) => (!name || name.includes("=") ? "A variable needs a name, without =." : null);
const wrongLabel = ({ name }: Pair) => (!name ? "A label needs a name." : name.startsWith("deblox.") ? "Names that begin with deblox. are deblox's own." : null);
const words = (line: string) => (split(line) ? null : "A quote has no end.");

const CHECKS: { [K in keyof Form]?: (value: Form[K]) => string | null } = {
  name: (name) => (!name || /^[a-zA-Z0-9][\w.-]*$/.test(name) ? null : "Letters, digits, _ . and -, with a letter or digit first."),
  image: (image) => (/\s/.test(image) ? "An image's name has no spaces." : null),
  memory: (memory) => (!memory || /^\d+(\.\d+)?\s*([kmgt]i?b?|b)?$/i.test(memory) ? null : "A size such as 512m or 2g."),
  cpus: (cpus) => (!cpus || Number(cpus) > 0 ? null : "A number above 0, such as 1.5."),
  restart: (restart) => (/^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(restart) ? null : "no, always, unless-stopped, on-failure or on-failure:TIMES."),
  instances: (instances) => (/^\d+$/.test(instances) && Number(instances) >= 1 && Number(instances) <= 1000 ? null : "A whole number from 1 to 1000."),
  command: words,
  entrypoint: words,
};

const LISTS = { ports: wrongPort, env: wrongEnv, volumes: wrongVolume, labels: wrongLabel, dockLabels: wrongLabel } as const;
type List = keyof typeof LISTS;

/** A row in which nothing has been typed is none. */
const typed = (row: object) => Object.entries(row).some(([field, value]) => field !== "protocol" && value !== "");

/** What is wrong with a form, before it is sent. Of a template the image may come from that. */
export function check(form: Form, template?: string): Wrong {
  const wrong: Wrong = {};
  if (!form.image && !template) wrong["image"] = "Which image?";
  for (const [field, run] of Object.entries(CHECKS)) {
    const why = (run as (value: unknown) => string | null)(form[field as keyof Form]);
    if (why) wrong[field] ??= why;
  }
  for (const list of Object.keys(LISTS) as List[]) {
    form[list].forEach((row, at) => {
      const why = typed(row) && (LISTS[list] as (row: unknown) => string | null)(row);
      if (why) wrong[`${list}.${at}`] = why;
    });
  }
  if (form.autoRemove && form.restart !== "no") wrong["restart"] ??= "What is removed when it has ended cannot be restarted: choose one of both.";
  return wrong;
}

export const portText = ({ host, container, protocol }: PortRow) => `${host ? `${host}:` : ""}${container}${protocol && protocol !== "tcp" ? `/${protocol}` : ""}`;
export const volumeText = ({ source, target, options }: VolumeRow) => [source, target, source && options].filter(Boolean).join(":");
const pairs = (rows: Pair[]) => rows.filter(typed).map(({ name, value }) => `${name}=${value}`);
const texts = <T extends object>(rows: T[], text: (row: T) => string) => rows.filter(typed).map(text);
const commandWords = (line: string) => split(line)?.words ?? [];

/** The fields of create-container. */
export function toRequest(form: Form, template?: string): Record<string, unknown> {
  const fields: Record<string, unknown> = {
    template,
    image: form.image,
    name: form.name,
    dock: form.dock,
    "dock-labels": form.dock ? [] : pairs(form.dockLabels),
    ports: texts(form.ports, portText),
    env: pairs(form.env),
    volumes: texts(form.volumes, volumeText),
    labels: pairs(form.labels),
    memory: form.memory.replaceAll(/\s/g, ""),
    cpus: form.cpus && Number(form.cpus),
    restart: form.restart === "no" && !template ? "" : form.restart,
    cmd: commandWords(form.command),
    entrypoint: commandWords(form.entrypoint),
    network: form.network,
    user: form.user,
    workdir: form.workdir,
    hostname: form.hostname,
    instances: Number(form.instances) > 1 ? Number(form.instances) : "",
    pull: form.pull === "missing" ? "" : form.pull,
  };
  const flags = { tty: form.tty, interactive: form.interactive, "auto-remove": form.autoRemove, privileged: form.privileged };
  // A template may have set a flag that was taken away here.
  Object.assign(fields, template ? flags : Object.fromEntries(Object.entries(flags).filter(([, on]) => on)));
  const there = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0));
  return { ...Object.fromEntries(there), start: form.start };
}

/** The field of the form that a refusal is about, where that can be told. */
export function blamed(code: string | null, message: string): string | null {
  const named = /field `([a-z-]+)`/.exec(message)?.[1];
  const field = named && ({ cmd: "command", "dock-labels": "dockLabels", "auto-remove": "autoRemove" }[named] ?? named);
  if (field) return field in EMPTY ? field : null;
  if (code === "no-such-image" || code === "pull-failed") return "image";
  if (code === "unknown-dock" || code === "dock-lost" || code === "dock-drained" || code === "dock-unregistered" || code === "no-dock" || code === "daemon-down") return "dock";
  if (/\bport\b|address already in use/i.test(message)) return "ports";
  if (/\bnetwork\b/i.test(message)) return "network";
  if (code === "conflict" && /\bname\b/i.test(message)) return "name";
  if (code === "quota-exceeded") return /memory/i.test(message) ? "memory" : /cpu/i.test(message) ? "cpus" : null;
  return null;
}
