// What has happened, as one sentence for people.
import type { ClusterEvent, RequestStatus } from "@/api/types";

/** How bad it is. */
export type Level = "info" | "good" | "warn" | "bad";
export interface Told {
  text: string;
  level: Level;
}

/** What somebody did who had an action done; the rest is what it was done to. */
const DONE: Record<string, string> = {
  "create-container": "created",
  "create-raw-container": "created",
  "start-container": "started",
  "stop-container": "stopped",
  "restart-container": "restarted",
  "kill-container": "killed",
  "pause-container": "paused",
  "unpause-container": "resumed",
  "update-container": "changed the limits of",
  "recreate-container": "recreated",
  "delete-container": "removed",
  "remove-container": "removed",
  "exec-container": "ran a command in",
  "attach-container": "attached to",
  "copy-from-container": "copied files from",
  "copy-to-container": "copied files to",
  "export-container": "exported",
  "commit-container": "made an image of",
  "chown-instance": "gave or offered another user",
  "accept-instance": "accepted",
  "decline-instance": "ended the offer of",
  "share-instance": "shared",
  "prune-containers": "removed the stopped containers of",
  "pull-image": "pulled",
  "push-image": "pushed",
  "build-image": "built",
  "import-image": "imported an image to",
  "load-image": "loaded images to",
  "load-images": "loaded images to",
  "tag-image": "tagged",
  "remove-image": "removed the image",
  "delete-image": "removed the image",
  "prune-images": "removed the unused images of",
  "create-network": "created the network",
  "remove-network": "removed the network",
  "delete-network": "removed the network",
  "prune-networks": "removed the unused networks of",
  "connect-network": "joined a network with",
  "disconnect-network": "took a network from",
  "create-volume": "created the volume",
  "remove-volume": "removed the volume",
  "delete-volume": "removed the volume",
  "prune-volumes": "removed the unused volumes of",
  "put-template": "kept the template",
  "delete-template": "forgot the template",
  register: "registered",
  unregister: "unregistered",
  drain: "drained",
  undrain: "undrained",
  "label-dock": "labelled",
  "add-user": "added the user",
  "change-user": "changed the user",
  "remove-user": "removed the user",
  "set-password": "changed the password of",
  "add-token": "made the token",
  "revoke-token": "revoked the token",
  "inspect-container": "looked at",
  "top-container": "listed the processes of",
  "container-diff": "listed the changed files of",
  "container-logs": "read the log of",
  "save-images": "copied images from",
  "search-images": "searched for",
  audit: "noticed a loss in the audit:",
  docker: "called Docker's API at",
};

/** What somebody did who did it to nothing else. */
const ALONE: Record<string, string> = { login: "logged in", logout: "logged out", "use-token": "came with a token" };

/** Errors that have a plainer name than their own. */
const ERRORS: Record<string, string> = {
  "quota-exceeded": "quota",
  "docker-error": "Docker refused",
  "daemon-down": "Docker is down there",
  "dock-lost": "the dock was lost",
  "dock-drained": "the dock is drained",
  "dock-unregistered": "the dock is unregistered",
  unauthenticated: "not logged in",
  timeout: "no answer in time",
};

const HEX = /^(?:sha256:)?([0-9a-f]{12})[0-9a-f]{52}$/;
export const shortId = (id: string) => HEX.exec(id)?.[1] ?? id;

type Asked = Pick<RequestStatus, "action" | "name" | "about" | "id" | "dock"> & { image?: string | null };

/** What a request is about, as people know it. */
export function subject({ action, name, about, id, dock, image }: Asked): string {
  const what = name ?? about ?? id ?? image ?? dock;
  if (action === "rename-container" && name && id) return `${shortId(id)} to ${name}`;
  return what ? shortId(what) : "something";
}

/** What an action does, done: `stopped`. */
export const done = (action: string) => DONE[action] ?? (action === "rename-container" ? "renamed" : `did ${action} to`);

/** What an action is called among people: `stop`, `remove network`. Of what is no container it is said what it is. */
export const called = (action: string) => action.replace(/-(container|instance)$/, "").replaceAll("-", " ");

/** Whoever asked wanted no more of it, such as by leaving a terminal: nothing went wrong. */
export const isCancelled = ({ error }: { error: string | null }) => error === "cancelled";

export const errorWords = (error: string) => ERRORS[error] ?? error.replaceAll("-", " ");

function request(event: ClusterEvent): Told {
  const { action, error, status, user, token } = event;
  if (!action) return { text: "a request ended", level: "info" };
  const { address, change, repeated, redisUser } = event;
  const who = user ? `${user}${token ? ` (token ${token})` : ""}` : redisUser ? `${redisUser} (Redis)` : "somebody";
  const times = repeated ? `, ${repeated} times` : "";
  const alone = ALONE[action];
  if (!error) {
    const text = alone ?? `${done(action)} ${subject(event)}`;
    return { text: `${who} ${text}${change ? `: ${change}` : ""}${event.begun ? ", which goes on" : ""}${times}`, level: "info" };
  }
  const about = alone || action === "http" ? `${action === "http" ? ` ${subject(event)}` : ""}${address ? ` from ${address}` : ""}` : ` ${subject(event)}`;
  const what = `${who}: ${called(action)}${about}`;
  if (isCancelled(event)) return { text: `${what} was cancelled`, level: "info" };
  // Whoever is refused has asked for what may not be; the rest went wrong.
  const refused = status !== null && status >= 400 && status < 500;
  return { text: `${what} ${refused ? "was refused" : "failed"} (${errorWords(error)})${times}`, level: refused ? "warn" : "bad" };
}

function instance(event: ClusterEvent, state: string): Told {
  const name = event.name ?? (event.id ? shortId(event.id) : "a container");
  const code = event.exitCode;
  switch (state) {
    case "created":
      return { text: event.owner ? `${name} was created for ${event.owner}` : `${name} was created`, level: "info" };
    case "running":
      return { text: `${name} started`, level: "good" };
    case "exited":
      if (code === null) return { text: `${name} exited`, level: "info" };
      return code ? { text: `${name} exited with code ${code}`, level: "bad" } : { text: `${name} stopped`, level: "info" };
    case "restarting":
      return { text: code === null ? `${name} is being restarted` : `${name} exited with code ${code} and is being restarted`, level: "warn" };
    case "paused":
      return { text: `${name} was paused`, level: "info" };
    case "dead":
      return { text: `${name} is dead: Docker could not remove it`, level: "bad" };
    case "removing":
      return { text: `${name} is being removed`, level: "info" };
    case "removed":
      return { text: `${name} was removed`, level: "info" };
    case "renamed":
      return { text: `a container is called ${name} now`, level: "info" };
    case "unhealthy":
      return { text: `the health check of ${name} fails`, level: "bad" };
    case "healthy":
      return { text: `the health check of ${name} passes`, level: "good" };
    case "extra":
      return { text: `${event.dock ?? "a dock"} came back with ${name}, which runs elsewhere by now; it was stopped and kept`, level: "warn" };
    default:
      return { text: `${name} is ${state}`, level: "info" };
  }
}

function dock(event: ClusterEvent, what: string): Told {
  const name = event.dock ?? "a dock";
  switch (what) {
    case "lost":
      return { text: `${name} stopped answering`, level: "bad" };
    case "back":
      return { text: `${name} answers again`, level: "good" };
    case "stopped":
      return { text: `the worker of ${name} was stopped`, level: "warn" };
    default:
      return { text: `${name}: ${what}`, level: "info" };
  }
}

/** What has happened, in one sentence that begins with who or what it is about. */
export function eventWords(event: ClusterEvent): Told {
  const [kind, ...rest] = event.event.split("-");
  const what = rest.join("-");
  if (event.event === "request") return request(event);
  if (kind === "instance" && what) return instance(event, what);
  if (kind === "dock" && what) return dock(event, what);
  return { text: [event.name ?? event.dock, event.event.replaceAll("-", " ")].filter(Boolean).join(": "), level: "info" };
}
