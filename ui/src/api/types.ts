// Made from the structs of src/web/api by `UPDATE_TYPES=1 cargo test --lib types`; do not edit.

/**
 * What a right covers.
 */
export type Access = "view" | "operate" | "exec" | "create" | "delete" | "admin" | "dock";

/**
 * What a user may do. Each is trusted more than the one before it.
 */
export type Role = "viewer" | "user" | "operator" | "admin";

/**
 * Whether whoever uses `/api/v1` has to log in.
 */
export type Auth = "open" | "enforce";

/**
 * What anybody may know of the node that serves the page.
 */
export type Node = { 
/**
 * The host it runs on.
 */
name: string, 
/**
 * deblox's version.
 */
version: string, 
/**
 * Whether whoever asks has to log in.
 */
auth: Auth, 
/**
 * Whether people log in by OpenID Connect, at /auth/oidc/login.
 */
oidc: boolean, };

/**
 * Who asks.
 */
export type Me = { 
/**
 * The node that answers.
 */
node: Node, 
/**
 * The user; nobody where nobody has to log in and nobody has.
 */
user: string | null, 
/**
 * The role that counts.
 */
role: Role | null, 
/**
 * The user's groups.
 */
groups: Array<string>, 
/**
 * The rights on docks, images, networks, volumes and templates.
 */
rights: Array<Access>, 
/**
 * Whether it may create instances.
 */
mayCreate: boolean, 
/**
 * Whether it sees the instances of all.
 */
seesAll: boolean, 
/**
 * Whether it operates the instances of all.
 */
operatesAll: boolean, 
/**
 * What the ids of its requests have to begin with.
 */
requestPrefix: string, };

/**
 * How a dock stands, derived from its record and the time.
 */
export type DockState = "up" | "drained" | "unregistered" | "stopped" | "lost" | "never seen";

/**
 * Whether a worker reaches its daemon.
 */
export type DaemonState = "down" | "up";

/**
 * What a host uses, as its worker last measured it; null what it could not measure.
 */
export type HostUsage = { 
/**
 * Per cent of all its processors, from 0 to 100.
 */
cpu: number | null, 
/**
 * Bytes of memory that programs use.
 */
memory: number | null, 
/**
 * Bytes of memory that there are.
 */
memoryTotal: number | null, 
/**
 * Bytes in use of the disk that Docker keeps its data on.
 */
disk: number | null, 
/**
 * Bytes that this disk has.
 */
diskTotal: number | null, };

/**
 * A host with a Docker daemon.
 */
export type Dock = { 
/**
 * Its full name.
 */
name: string, 
/**
 * How it stands.
 */
state: DockState, 
/**
 * Whether its worker and its daemon answer, so that what is said of it is so now.
 */
reachable: boolean, 
/**
 * Whether its daemon answered when its worker last spoke.
 */
daemon: DaemonState | null, 
/**
 * When its worker was last heard, in milliseconds of Redis's clock.
 */
lastSeen: number | null, 
/**
 * When what is said of it was last known to be so.
 */
lastKnown: number | null, 
/**
 * The daemon's version.
 */
engineVersion: string | null, 
/**
 * The API version spoken with the daemon.
 */
apiVersion: string | null, 
/**
 * The operating system, as the daemon names it.
 */
operatingSystem: string | null, 
/**
 * Processors.
 */
cpus: number | null, 
/**
 * Memory in bytes.
 */
memory: number | null, 
/**
 * All containers, in whatever state.
 */
containers: number, 
/**
 * Containers that run.
 */
running: number, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * deblox's version there.
 */
workerVersion: string | null, 
/**
 * What the host uses, where its worker can tell.
 */
usage: HostUsage | null, 
/**
 * How old its last heartbeat was, in milliseconds, at each of the last 40 looks of this node, one a second, the newest
 * last; null where it was lost.
 */
beats: Array<number | null>, };

/**
 * All docks.
 */
export type Docks = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * They, by name.
 */
docks: Array<Dock>, };

/**
 * How an instance is; what needs a look comes first.
 */
export type Condition = "failing" | "restarting" | "starting" | "running" | "paused" | "stopped" | "unknown";

/**
 * A published port.
 */
export type Port = { 
/**
 * The host's address.
 */
ip: string | null, 
/**
 * The port inside the container.
 */
privatePort: number, 
/**
 * The host's port.
 */
publicPort: number | null, 
/**
 * tcp, udp or sctp.
 */
protocol: string, };

/**
 * A container, on its dock.
 */
export type Instance = { 
/**
 * The full id.
 */
id: string, 
/**
 * The name.
 */
name: string, 
/**
 * The image as it was asked for.
 */
image: string, 
/**
 * The dock it is on.
 */
dock: string, 
/**
 * Docker's own word: created, running, paused, restarting, removing, exited, dead.
 */
state: string, 
/**
 * How it is, in one word.
 */
condition: Condition, 
/**
 * What its health check says, if it has one: healthy, unhealthy or starting.
 */
health: "healthy" | "unhealthy" | "starting" | null, 
/**
 * The exit code of one that has ended.
 */
exitCode: number | null, 
/**
 * Docker's sentence, such as `Exited (0)`.
 */
status: string, 
/**
 * Since when that is so, in milliseconds; null where Docker does not tell.
 */
since: number | null, 
/**
 * When it was created, in milliseconds.
 */
created: number, 
/**
 * The user it belongs to.
 */
owner: string | null, 
/**
 * Whether that is who asks.
 */
mine: boolean, 
/**
 * The user to whom the owner offers it.
 */
offered: string | null, 
/**
 * Whether that is who asks, who can accept or decline it.
 */
offeredToMe: boolean, 
/**
 * Published ports.
 */
ports: Array<Port>, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * When it was last known to be so, in milliseconds, if that is not now.
 */
lastSeen: number | null, 
/**
 * What whoever asks may do to it.
 */
rights: Array<Access>, 
/**
 * Why not the rest: whose it is.
 */
why: string | null, };

/**
 * How many instances there are.
 */
export type Counts = { all: number, failing: number, restarting: number, starting: number, running: number, paused: number, stopped: number, unknown: number, 
/**
 * Those of who asks.
 */
mine: number, };

/**
 * A page of them.
 */
export type Instances = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * The rows.
 */
instances: Array<Instance>, 
/**
 * How many fit, on all pages.
 */
total: number, 
/**
 * How many there are in each condition, whatever `state` and `mine` ask for.
 */
counts: Counts, 
/**
 * The docks that do not answer: their rows are what was last known.
 */
unreachable: Array<string>, };

/**
 * One entry of `deblox.events`, or of `deblox.audit`.
 */
export type ClusterEvent = { 
/**
 * Its place in the stream, such as 1795461556651-0.
 */
at: string, 
/**
 * When, in milliseconds.
 */
time: number, 
/**
 * dock-lost, dock-back, dock-stopped, instance-created, -removed, -renamed, -running and so on, request.
 */
event: string, 
/**
 * The dock it was on.
 */
dock: string | null, 
/**
 * The full id of the instance.
 */
id: string | null, 
/**
 * Its name.
 */
name: string | null, 
/**
 * Its image.
 */
image: string | null, 
/**
 * Whose it is.
 */
owner: string | null, 
/**
 * What it was before: its name, or its state.
 */
was: string | null, 
/**
 * Of a request: who asked. Of a login that was refused: the name that was typed, if a user has it.
 */
user: string | null, 
/**
 * Of a request: the name of the API token that was used.
 */
token: string | null, 
/**
 * Of a request: the action.
 */
action: string | null, 
/**
 * Of a request: the image, network, volume or dock that it was about.
 */
about: string | null, 
/**
 * The request.
 */
requestId: string | null, 
/**
 * Of a request: the status of its reply.
 */
status: number | null, 
/**
 * Of a request: the stable name of the error.
 */
error: string | null, 
/**
 * Of a request: how long it took, in milliseconds.
 */
took: number | null, 
/**
 * Of a login or a call by HTTP: the address that it came from.
 */
address: string | null, 
/**
 * Of a change that a command made: the user of Redis that it had.
 */
redisUser: string | null, 
/**
 * For how many requests of one caller this one stands: refusals and looks are counted when there are many.
 */
repeated: number | null, 
/**
 * What was changed of an account or a token, such as role=admin.
 */
change: string | null, 
/**
 * Whether it is a stream that has begun and goes on.
 */
begun: boolean, 
/**
 * The exit code of an instance that has ended.
 */
exitCode: number | null, 
/**
 * When a dock that is lost was last heard, in milliseconds.
 */
lastSeen: number | null, };

/**
 * A page of events.
 */
export type Events = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * The newest first.
 */
events: Array<ClusterEvent>, 
/**
 * Whether there are older ones that fit: ask with `before`.
 */
more: boolean, };

/**
 * How a request stands.
 */
export type RequestState = "waiting" | "done" | "failed" | "lost";

/**
 * A request that was sent to the bus.
 */
export type RequestStatus = { 
/**
 * Its id.
 */
requestId: string, 
/**
 * How it stands.
 */
state: RequestState, 
/**
 * What it asks for.
 */
action: string | null, 
/**
 * Who asked.
 */
user: string | null, 
/**
 * The dock that answered, or is to.
 */
dock: string | null, 
/**
 * The instance that it is about, or has made.
 */
id: string | null, 
/**
 * Its name, as far as the request says it.
 */
name: string | null, 
/**
 * The image, network, volume or dock that it is about.
 */
about: string | null, 
/**
 * When it was sent, in milliseconds.
 */
sent: number | null, 
/**
 * When it ended, in milliseconds.
 */
ended: number | null, 
/**
 * How long it took, in milliseconds.
 */
took: number | null, 
/**
 * The status of its reply.
 */
status: number | null, 
/**
 * The stable name of the error.
 */
error: string | null, 
/**
 * What went wrong and what to do about it.
 */
message: string | null, };

/**
 * A page of requests.
 */
export type Requests = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * The newest first: what this node has sent, and what all others have done.
 */
requests: Array<RequestStatus>, 
/**
 * Whether there are older ones that fit: ask with `before`.
 */
more: boolean, };

/**
 * A request that was taken, to be asked for by its id.
 */
export type Accepted = { 
/**
 * Its id.
 */
requestId: string, };

/**
 * Why something was not done (RFC 9457, `application/problem+json`).
 */
export type Problem = { 
/**
 * Always `about:blank`: `code` tells problems apart.
 */
type: string, 
/**
 * The status in words.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * What happened and what to do about it, in a sentence.
 */
detail: string, 
/**
 * The stable name of the error, such as `forbidden`.
 */
code: string, 
/**
 * The request, where it was one of the bus.
 */
requestId: string | null, 
/**
 * The dock that answered.
 */
dock: string | null, };

/**
 * A dock that does not answer: its rows are what was last known.
 */
export type Unreachable = { 
/**
 * The dock.
 */
hostname: string, 
/**
 * How it stands.
 */
state: DockState, 
/**
 * There if it is the daemon that does not answer.
 */
daemon?: DaemonState, 
/**
 * When it was last known how it is (RFC 3339).
 */
lastSeen: string | null, };

/**
 * One of them, on its dock; `lastSeen` (RFC 3339) is there if the dock does not answer.
 */
export type ImageRow = { 
/**
 * The dock.
 */
dock: string, 
/**
 * The full id.
 */
id: string, 
/**
 * Its names with their tags.
 */
tags: Array<string>, 
/**
 * Its names with their digests.
 */
digests: Array<string>, 
/**
 * Bytes, those that it shares with other images included.
 */
size: number, 
/**
 * When it was made, in seconds.
 */
created: number, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * When it was last known to be so, if that is not now.
 */
lastSeen?: string, };

/**
 * A page of the cluster's.
 */
export type Images = { 
/**
 * The rows.
 */
images: Array<ImageRow>, 
/**
 * Where the next page begins; absent after the last.
 */
cursor?: string, 
/**
 * Docks that do not answer.
 */
unreachable: Array<Unreachable>, };

/**
 * One of them, on its dock; `lastSeen` (RFC 3339) is there if the dock does not answer.
 */
export type NetworkRow = { 
/**
 * The dock.
 */
dock: string, 
/**
 * The full id.
 */
id: string, 
/**
 * The name.
 */
name: string, 
/**
 * The driver, such as bridge.
 */
driver: string, 
/**
 * local, swarm or global.
 */
scope: string, 
/**
 * Whether it has no way out.
 */
internal: boolean, 
/**
 * Whether containers may join it by hand.
 */
attachable: boolean, 
/**
 * When it was made, in seconds, where the daemon knows.
 */
created?: number, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * When it was last known to be so, if that is not now.
 */
lastSeen?: string, };

/**
 * A page of the cluster's.
 */
export type Networks = { 
/**
 * The rows.
 */
networks: Array<NetworkRow>, 
/**
 * Where the next page begins; absent after the last.
 */
cursor?: string, 
/**
 * Docks that do not answer.
 */
unreachable: Array<Unreachable>, };

/**
 * One of them, on its dock; `lastSeen` (RFC 3339) is there if the dock does not answer.
 */
export type VolumeRow = { 
/**
 * The dock.
 */
dock: string, 
/**
 * The name.
 */
name: string, 
/**
 * The driver, such as local.
 */
driver: string, 
/**
 * local or global.
 */
scope: string, 
/**
 * Where it is in the host's files.
 */
mountpoint: string, 
/**
 * When it was made, in seconds, where the daemon knows.
 */
created?: number, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * When it was last known to be so, if that is not now.
 */
lastSeen?: string, };

/**
 * A page of the cluster's.
 */
export type Volumes = { 
/**
 * The rows.
 */
volumes: Array<VolumeRow>, 
/**
 * Where the next page begins; absent after the last.
 */
cursor?: string, 
/**
 * Docks that do not answer.
 */
unreachable: Array<Unreachable>, };

/**
 * The first thing that is sent.
 */
export type Hello = { 
/**
 * The node that answers.
 */
node: string, 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * Whether events that were asked for are kept no longer.
 */
gap: boolean, };

/**
 * What a heartbeat brought.
 */
export type Beat = { 
/**
 * How old it is, in milliseconds; null if the dock is lost.
 */
age: number | null, 
/**
 * What its host uses.
 */
usage: HostUsage | null, };

/**
 * What the last heartbeats brought, by dock.
 */
export type Beats = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * By dock.
 */
docks: { [key in string]: Beat }, };

/**
 * Docks that have changed otherwise than by a heartbeat.
 */
export type DockChanges = { 
/**
 * As they are now.
 */
docks: Array<Dock>, 
/**
 * Those that nobody knows any more.
 */
gone: Array<string>, };

/**
 * Instances that have changed.
 */
export type InstanceChanges = { 
/**
 * As they are now; new ones too.
 */
changed: Array<Instance>, 
/**
 * The full ids of those that are gone, or may not be seen any more.
 */
gone: Array<string>, };

/**
 * Somebody who may log in.
 */
export type User = { 
/**
 * The name.
 */
name: string, 
/**
 * What the user may do.
 */
role: Role, 
/**
 * The groups it belongs to.
 */
groups: Array<string>, 
/**
 * Whether nobody can log in as that user.
 */
disabled: boolean, 
/**
 * Whether the password was made by deblox and not changed since.
 */
temporary: boolean, 
/**
 * Whether the user logs in at an OpenID Connect provider, and has no password here.
 */
external: boolean, 
/**
 * When it was made, in RFC 3339.
 */
created: string, };

/**
 * All users.
 */
export type Users = { 
/**
 * They, by name.
 */
users: Array<User>, };

/**
 * A user to be made.
 */
export type NewUser = { 
/**
 * The name.
 */
name: string, 
/**
 * What the user may do.
 */
role: Role, 
/**
 * The groups it belongs to.
 */
groups: Array<string>, 
/**
 * The password; without one, one is made.
 */
password: string | null, };

/**
 * What is to be changed of a user; what is not there stays as it is.
 */
export type UserChange = { 
/**
 * What the user may do.
 */
role?: Role, 
/**
 * The groups it belongs to, and no others.
 */
groups?: Array<string>, 
/**
 * Whether nobody can log in as that user.
 */
disabled?: boolean, 
/**
 * Another password; all sessions of the user end.
 */
password?: string, 
/**
 * Whether one is made.
 */
generate?: boolean, 
/**
 * Whether all API tokens of the user are revoked.
 */
revokeTokens?: boolean, };

/**
 * What was done to a user.
 */
export type UserMade = { 
/**
 * The name.
 */
name: string, 
/**
 * The one-time password, if one was made; it is shown this once.
 */
password: string | null, };

/**
 * A token, without what is secret about it.
 */
export type Token = { 
/**
 * Its id, which is not the token.
 */
id: string, 
/**
 * What it is for.
 */
name: string, 
/**
 * Whose it is.
 */
user: string, 
/**
 * What it may do at most.
 */
role: Role, 
/**
 * When it was made, in milliseconds of Redis's clock.
 */
created: number, 
/**
 * When it ends, in the same; never, where nothing is said.
 */
expires: number | null, 
/**
 * When it was last used, in the same.
 */
used: number | null, };

/**
 * Tokens.
 */
export type Tokens = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * They, the oldest first.
 */
tokens: Array<Token>, };

/**
 * A token to be made.
 */
export type NewToken = { 
/**
 * What it is for.
 */
name: string, 
/**
 * Whose it is; one's own, where nothing is said.
 */
user?: string, 
/**
 * What it may do at most; what its user may, where nothing is said.
 */
role?: Role, 
/**
 * After how many days it ends; never, where nothing is said.
 */
days?: number, };

/**
 * A token that was made.
 */
export type TokenMade = { 
/**
 * What it is for.
 */
name: string, 
/**
 * The token itself, which is shown this once.
 */
token: string, };

/**
 * Another password of one's own.
 */
export type PasswordChange = { 
/**
 * The one so far.
 */
old: string, 
/**
 * The one from now on.
 */
new: string, 
/**
 * Whether all API tokens of the user are revoked as well.
 */
revokeTokens?: boolean, };

/**
 * How a session was begun.
 */
export type SessionOrigin = "web" | "bus" | "oidc";

/**
 * A session in a list. It holds nothing that lets anybody use the session.
 */
export type SessionFacts = { 
/**
 * The public id, with which the session can be ended. It is not the session.
 */
id: string, 
/**
 * Whether it is the session that asks.
 */
current: boolean, 
/**
 * When it was begun, in milliseconds of Redis's clock. Null for a session that an older version began.
 */
created: number | null, 
/**
 * When it was last used, in the same, to within 5 s.
 */
used: number, 
/**
 * When it ends at the latest, in the same.
 */
ends: number, 
/**
 * How it was begun. Null for a session that an older version began.
 */
origin: SessionOrigin | null, 
/**
 * The address that it was begun from. With the origin `bus` it is what the client claimed.
 */
address: string | null, 
/**
 * What the browser or program called itself.
 */
agent: string | null, };

/**
 * Sessions.
 */
export type SessionList = { 
/**
 * Redis's clock, in milliseconds.
 */
now: number, 
/**
 * Whose they are.
 */
user: string, 
/**
 * The sessions, the one that was used last first.
 */
sessions: Array<SessionFacts>, };

/**
 * How many sessions were ended.
 */
export type SessionsEnded = { 
/**
 * The number.
 */
ended: number, };

/**
 * What a container uses.
 */
export type Sample = { 
/**
 * Per cent of one processor.
 */
cpu: number, 
/**
 * Bytes of memory, without what the kernel may drop at any time.
 */
memory: number, 
/**
 * Bytes of memory that it may use.
 */
memoryLimit: number, 
/**
 * Bytes a second that it receives, over all networks.
 */
rx: number, 
/**
 * Bytes a second that it sends.
 */
tx: number, 
/**
 * Bytes a second that it reads from disks.
 */
read: number, 
/**
 * Bytes a second that it writes to them.
 */
written: number, 
/**
 * Its processes and threads.
 */
pids: number, };

/**
 * What the running containers of a dock use: a line of `dock-stats`.
 */
export type DockStats = { 
/**
 * When, in milliseconds since the epoch by the clock of the dock's worker.
 */
at: number, 
/**
 * By full id.
 */
containers: { [key in string]: Sample }, 
/**
 * How many run beside these, because there are more than are sampled.
 */
leftOut?: number, };

/**
 * Which of its two outputs a process has written to.
 */
export type Output = "stdout" | "stderr";

/**
 * A line.
 */
export type LogLine = { 
/**
 * When it was written, in milliseconds since the epoch.
 */
time: number, 
/**
 * To which output.
 */
stream: Output, 
/**
 * What it says.
 */
text: string, };

/**
 * A line of what is sent.
 */
export type Search = { "type": "plan", 
/**
 * How many instances.
 */
containers: number, 
/**
 * How many more there are that fit.
 */
leftOut: number, 
/**
 * How many of those that will be on each dock.
 */
docks: { [key in string]: number }, } | { "type": "found", 
/**
 * Where it is.
 */
dock: string, 
/**
 * Its full id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * The newest lines that fit, by time.
 */
lines: Array<LogLine>, 
/**
 * Whether there are more.
 */
truncated: boolean, } | { "type": "failed", 
/**
 * Where it is.
 */
dock: string, 
/**
 * Its full id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Why, in a sentence.
 */
message: string, } | { "type": "done", 
/**
 * Those whose log was read.
 */
answered: number, 
/**
 * All that were to be looked through.
 */
asked: number, };
