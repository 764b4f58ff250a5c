// Generated from the structs of src/web/api by `cargo test --lib`; do not edit.

export type Access = "view" | "operate" | "exec" | "create" | "delete" | "admin" | "dock";
export type Role = "viewer" | "user" | "operator" | "admin";

/** What anybody may know of the node that serves the page. */
export interface Node {
  /** The host it runs on. */
  name: string;
  version: string;
  /** `open`: whoever reaches it may do anything, and nobody has to log in. */
  auth: "open" | "enforce";
  /** Whether people log in by OpenID Connect, at /auth/oidc/login. */
  oidc: boolean;
}

export interface Me {
  node: Node;
  /** Absent where nobody has to log in and nobody has. */
  user: string | null;
  role: Role | null;
  groups: string[];
  /** The rights on docks, images, networks, volumes and templates. */
  rights: Access[];
  /** Whether it may create instances. */
  mayCreate: boolean;
  /** Whether it sees, and operates, the instances of all. */
  seesAll: boolean;
  operatesAll: boolean;
  /** What the ids of its requests have to begin with. */
  requestPrefix: string;
}

export type DockState = "up" | "drained" | "unregistered" | "stopped" | "lost" | "never seen";

/** What a host uses, as its worker last measured it. */
export interface HostUsage {
  /** Per cent of all its processors, 0 to 100. */
  cpu: number | null;
  /** Bytes that programs use, and all. */
  memory: number | null;
  memoryTotal: number | null;
  /** Of the disk that Docker keeps its data on. */
  disk: number | null;
  diskTotal: number | null;
}

export interface Dock {
  name: string;
  state: DockState;
  /** Whether its worker and its daemon answer, so that what is said of it is so now. */
  reachable: boolean;
  daemon: "up" | "down" | null;
  /** When its worker was last heard, in ms since the epoch by Redis's clock; null for one that was never seen. */
  lastSeen: number | null;
  /** When what is said of it was last known to be so. */
  lastKnown: number | null;
  engineVersion: string | null;
  apiVersion: string | null;
  operatingSystem: string | null;
  cpus: number | null;
  memory: number | null;
  containers: number;
  running: number;
  labels: Record<string, string>;
  workerVersion: string | null;
  usage: HostUsage | null;
  /** How old its last heartbeat was, in ms, at each of the last 40 looks of this node, one a second, the newest last; null where it was lost. */
  beats: (number | null)[];
}

export interface Docks {
  /** Redis's clock, in ms. */
  now: number;
  docks: Dock[];
}

/** How an instance is, in one word; `unknown` for those of docks that do not answer. */
export type Condition = "failing" | "restarting" | "starting" | "running" | "paused" | "stopped" | "unknown";

export interface Port {
  ip: string | null;
  privatePort: number;
  publicPort: number | null;
  protocol: string;
}

export interface Instance {
  /** The full id. */
  id: string;
  name: string;
  image: string;
  dock: string;
  /** Docker's own: created, running, paused, restarting, removing, exited, dead. */
  state: string;
  condition: Condition;
  health: "healthy" | "unhealthy" | "starting" | null;
  exitCode: number | null;
  /** Docker's sentence, such as `Exited (0)`. */
  status: string;
  /** Since when the state is so, in ms; null where Docker does not tell. */
  since: number | null;
  created: number;
  owner: string | null;
  mine: boolean;
  ports: Port[];
  labels: Record<string, string>;
  /** When it was last known to be so, in ms, if that is not now. */
  lastSeen: number | null;
  /** What whoever asks may do to it. */
  rights: Access[];
  /** Why not the rest: whose it is. */
  why: string | null;
}

export interface Counts {
  all: number;
  failing: number;
  restarting: number;
  starting: number;
  running: number;
  paused: number;
  stopped: number;
  unknown: number;
  mine: number;
}

export interface Instances {
  now: number;
  instances: Instance[];
  /** How many fit, on all pages. */
  total: number;
  /** How many there are in each condition, whatever `state` and `mine` ask for. */
  counts: Counts;
  /** The docks that do not answer: their rows are what was last known. */
  unreachable: string[];
}

/** One entry of `deblox.events`. */
export interface ClusterEvent {
  /** Its place in the stream, such as 1795461556651-0. */
  at: string;
  /** In ms. */
  time: number;
  /** dock-lost, dock-back, dock-stopped, instance-created, instance-removed, instance-renamed, instance-running, …, request. */
  event: string;
  dock: string | null;
  id: string | null;
  name: string | null;
  image: string | null;
  owner: string | null;
  /** Of a request: who asked for what, with what outcome. */
  user: string | null;
  token: string | null;
  action: string | null;
  about: string | null;
  requestId: string | null;
  status: number | null;
  error: string | null;
  /** How long it took, in ms. */
  took: number | null;
  exitCode: number | null;
  lastSeen: number | null;
}

export interface Events {
  now: number;
  /** The newest first. */
  events: ClusterEvent[];
  /** Whether there are older ones that fit: ask with `before`. */
  more: boolean;
}

/** A request that was sent to the bus. */
export interface RequestStatus {
  requestId: string;
  /** `waiting`: nothing is known of its end yet. `lost`: nothing is kept of it any more. */
  state: "waiting" | "done" | "failed" | "lost";
  action: string | null;
  user: string | null;
  dock: string | null;
  /** The instance that it is about, or made. */
  id: string | null;
  name: string | null;
  about: string | null;
  /** In ms. */
  sent: number | null;
  ended: number | null;
  took: number | null;
  status: number | null;
  error: string | null;
  message: string | null;
}

export interface Requests {
  now: number;
  /** The newest first: those in flight that this node has sent, and the past of all nodes. */
  requests: RequestStatus[];
  more: boolean;
}

/** A request that was taken, to be asked for by its id. */
export interface Accepted {
  requestId: string;
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The stable name of the error, such as `forbidden`. */
  code: string;
  requestId: string | null;
  dock: string | null;
}

/** A page of what each dock has; `lastSeen` is there (RFC 3339) if the dock does not answer. */
export interface Unreachable { hostname: string; state: DockState; daemon?: "up" | "down"; lastSeen: string | null }
export interface ImageRow { dock: string; id: string; tags: string[]; digests: string[]; size: number; created: number; labels: Record<string, string>; lastSeen?: string }
export interface NetworkRow { dock: string; id: string; name: string; driver: string; scope: string; internal: boolean; attachable: boolean; created?: number; labels: Record<string, string>; lastSeen?: string }
export interface VolumeRow { dock: string; name: string; driver: string; scope: string; mountpoint: string; created?: number; labels: Record<string, string>; lastSeen?: string }
export interface Images { images: ImageRow[]; cursor?: string; unreachable: Unreachable[] }
export interface Networks { networks: NetworkRow[]; cursor?: string; unreachable: Unreachable[] }
export interface Volumes { volumes: VolumeRow[]; cursor?: string; unreachable: Unreachable[] }
/** By name; each is a create-container request without `action`. */
export type Templates = Record<string, unknown>;

export interface User { name: string; role: Role; groups: string[]; disabled: boolean; temporary: boolean; external: boolean; created: string; sessionsEnd?: never }
export interface Users { users: User[] }
export interface NewUser { name: string; role: Role; groups: string[]; password: string | null }
/** The one-time password, if deblox made one; it is shown this once. */
export interface UserMade { name: string; password: string | null }
export interface UserChange { role?: Role; groups?: string[]; disabled?: boolean; password?: string | null; generate?: boolean }
export interface Token { id: string; name: string; user: string; role: Role; created: number; expires: number | null; used: number | null }
export interface Tokens { now: number; tokens: Token[] }
export interface NewToken { name: string; user?: string; role?: Role; days?: number }
/** The token itself is shown this once. */
export interface TokenMade { name: string; token: string }

// What /api/v1/live sends.
export interface Hello { node: string; now: number; gap: boolean }
export interface DockChanges { docks: Dock[]; gone: string[] }
/** What a dock's heartbeat brought: null as its age if it is lost. */
export interface Beat { age: number | null; usage: HostUsage | null }
export interface Beats { now: number; docks: Record<string, Beat> }
export interface InstanceChanges { changed: Instance[]; gone: string[] }

// What GET /api/v1/logs/search sends, a line each.
export interface LogLine { time: number; stream: "stdout" | "stderr"; text: string }
export type Search =
  | { type: "plan"; containers: number; leftOut: number; docks: Record<string, number> }
  | { type: "found"; dock: string; id: string; name: string; lines: LogLine[]; truncated: boolean }
  | { type: "failed"; dock: string; id: string; name: string; message: string }
  | { type: "done"; answered: number; asked: number };

/** What `dock-stats` streams, a line every two seconds: by full id. */
export interface DockStats { at: number; containers: Record<string, Sample> }
export interface Sample { cpu: number; memory: number; memoryLimit: number; rx: number; tx: number; read: number; written: number; pids: number }
