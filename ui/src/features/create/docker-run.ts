// Reads a `docker run` line into the form. What the form has no place for is named, never dropped silently.
import { EMPTY, PULL, type Form, type VolumeRow } from "./form";
import { join, split } from "./words";

export interface Read {
  form: Form;
  /** Options that are left out, as they were typed. */
  leftOut: string[];
  /** What is worth a look. */
  notes: string[];
}

/** A flag has no value; any other option takes one. */
const FLAGS: Record<string, ((form: Form, on: boolean) => void) | null> = {
  detach: () => {},
  rm: (form, on) => (form.autoRemove = on),
  tty: (form, on) => (form.tty = on),
  interactive: (form, on) => (form.interactive = on),
  privileged: (form, on) => (form.privileged = on),
  "disable-content-trust": null,
  init: null,
  "no-healthcheck": null,
  "oom-kill-disable": null,
  "publish-all": null,
  quiet: null,
  "read-only": null,
  "sig-proxy": null,
  "use-api-socket": null,
};

const SHORT: Record<string, string> = {
  a: "attach",
  c: "cpu-shares",
  d: "detach",
  e: "env",
  h: "hostname",
  i: "interactive",
  l: "label",
  m: "memory",
  P: "publish-all",
  p: "publish",
  q: "quiet",
  t: "tty",
  u: "user",
  v: "volume",
  w: "workdir",
};

/** Sets what an option says; answers with a note if there is one. */
const OPTIONS: Record<string, (form: Form, value: string) => string | void | false> = {
  name: (form, value) => void (form.name = value),
  env: (form, value) => {
    form.env.push(pair(value));
    if (!value.includes("=")) return `${value} had its value from the shell: fill it in.`;
  },
  label: (form, value) => void form.labels.push(pair(value)),
  publish: (form, value) => void form.ports.push(port(value)),
  volume: (form, value) => {
    form.volumes.push(volume(value));
    if (/^[.~]/.test(value)) return `${value.split(":")[0]} was a folder beside the shell: a dock needs a whole path.`;
  },
  mount: (form, value) => {
    const row = mount(value);
    if (!row) return false;
    form.volumes.push(row);
  },
  restart: (form, value) => void (form.restart = value),
  memory: (form, value) => void (form.memory = value),
  cpus: (form, value) => void (form.cpus = value),
  network: (form, value) => void (form.network = value),
  entrypoint: (form, value) => void (form.entrypoint = join([value])),
  user: (form, value) => void (form.user = value),
  workdir: (form, value) => void (form.workdir = value),
  hostname: (form, value) => void (form.hostname = value),
  pull: (form, value) => {
    const policy = PULL.find((one) => one === value);
    if (!policy) return false;
    form.pull = policy;
  },
};
OPTIONS["net"] = OPTIONS["network"]!;

function pair(text: string) {
  const at = text.indexOf("=");
  return at < 0 ? { name: text, value: "" } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** [[IP:]HOST:]CONTAINER[/PROTOCOL] */
export function port(text: string) {
  const [place = "", protocol = "tcp"] = text.split("/");
  const at = place.lastIndexOf(":");
  return { host: at < 0 ? "" : place.slice(0, at).replace(/:$/, ""), container: place.slice(at + 1), protocol };
}

/** SOURCE:TARGET[:OPTIONS] or TARGET */
export function volume(text: string): VolumeRow {
  const [first = "", target, ...options] = text.split(":");
  return target === undefined ? { source: "", target: first, options: "" } : { source: first, target, options: options.join(":") };
}

/** type=bind,source=…,target=…,readonly; null for what -v cannot say. */
function mount(text: string): VolumeRow | null {
  const fields = new Map(text.split(",").map((field) => [pair(field).name, pair(field).value] as const));
  const target = fields.get("target") ?? fields.get("dst") ?? fields.get("destination") ?? "";
  const source = fields.get("source") ?? fields.get("src") ?? "";
  const known = ["type", "source", "src", "target", "dst", "destination", "readonly", "ro"];
  if (!target || ![undefined, "bind", "volume"].includes(fields.get("type")) || [...fields.keys()].some((name) => !known.includes(name))) return null;
  const readonly = [fields.get("readonly"), fields.get("ro")].some((value) => value === "" || value === "true" || value === "1");
  return { source, target, options: readonly ? "ro" : "" };
}

interface Option {
  name: string;
  value: string | null;
  /** As it was typed. */
  typed: string;
}

/** The options before the image, with their values, and the words from the image on; null if a value is missing. */
function options(words: string[]): { found: Option[]; rest: string[] } | string {
  const found: Option[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    const long = word.startsWith("--");
    const [given = "", equal] = long ? cut(word.slice(2)) : ["", null];
    if (long) {
      const flag = given in FLAGS;
      const value = equal ?? (flag ? null : words[++at]);
      if (value === undefined) return `${word} has no value.`;
      found.push({ name: given, value, typed: equal === null && value !== null ? `${word} ${value}` : word });
      continue;
    }
    // Short ones may stand together, the last with its value: -itp 80:80, -p80:80.
    for (let letter = 1; letter < word.length; letter++) {
      const name = SHORT[word[letter]!] ?? word[letter]!;
      if (name in FLAGS) {
        found.push({ name, value: null, typed: `-${word[letter]}` });
        continue;
      }
      const attached = word.slice(letter + 1).replace(/^=/, "");
      const value = attached || words[++at];
      if (value === undefined) return `-${word[letter]} has no value.`;
      found.push({ name, value, typed: `-${word[letter]} ${value}` });
      break;
    }
  }
  return { found, rest: words.slice(at) };
}

function cut(text: string): [string, string | null] {
  const at = text.indexOf("=");
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

/** The words after `docker run`, and whether it is to be started. */
function command(words: string[]): { start: boolean; words: string[] } | null {
  const rest = words.filter((word, at) => !(at < 2 && (word === "$" || word === "sudo")));
  if (!["docker", "podman", "nerdctl", "deblox"].includes(rest.shift() ?? "")) return null;
  if (rest[0] === "container") rest.shift();
  const verb = rest.shift();
  return verb === "run" || verb === "create" ? { start: verb === "run", words: rest } : null;
}

/** Reads a line; a text says why it cannot be read. */
export function readDockerRun(line: string): Read | string {
  // A prompt's `#` would make the whole line a comment.
  const whole = split(line.trim().replace(/^#\s+/, ""));
  if (!whole) return "A quote has no end.";
  const run = command(whole.words);
  if (!run) return "It does not begin with docker run.";
  const read = options(run.words);
  if (typeof read === "string") return read;
  const [image, ...words] = read.rest;
  if (!image) return "It names no image.";

  const form: Form = { ...structuredClone(EMPTY), image, command: join(words), start: run.start };
  const leftOut: string[] = [];
  const notes: string[] = [];
  for (const { name, value, typed } of read.found) {
    const flag = FLAGS[name];
    const option = OPTIONS[name];
    if (flag) {
      flag(form, value !== "false");
      continue;
    }
    const said = option && value !== null ? option(form, value) : false;
    if (said === false) leftOut.push(typed);
    else if (said) notes.push(said);
  }
  for (const name of new Set(whole.variables)) notes.push(`${name} is taken as it stands: the shell would have put a value in its place.`);
  if (whole.rest) notes.push(`What follows is not part of it: ${whole.rest}`);
  return { form, leftOut, notes };
}
