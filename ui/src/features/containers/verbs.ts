// What can be done to a container: in which order it is offered, and why it cannot be done now.
import {
  IconArrowsExchange,
  IconBolt,
  IconCheck,
  IconEdit,
  IconFileText,
  IconGauge,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconRefresh,
  IconReplace,
  IconShare,
  IconTerminal2,
  IconTrash,
  IconX,
} from "@tabler/icons-react";
import type { useNavigate } from "@tanstack/react-router";
import { act } from "@/api/requests";
import type { Access, Instance } from "@/api/types";
import { ago } from "@/ui/fmt";
import { openDialog, type DialogName } from "./dialogs";

type Navigate = ReturnType<typeof useNavigate>;
export interface Verb {
  name: string;
  label: string;
  icon: React.ComponentType<{ size?: number }>;
  right: Access;
  /** Whether it needs a container that runs. */
  running?: true;
  /** Whether it only shows something, so that there is nothing to wait for. */
  shows?: "logs" | "terminal";
  run: (instance: Instance, navigate: Navigate) => void;
}

const request =
  (action: string) =>
  (instance: Instance): void =>
    void act(instance, action);
const dialog =
  (name: DialogName) =>
  (instance: Instance): void =>
    openDialog(name, [instance]);
const show =
  (tab: "logs" | "terminal") =>
  (instance: Instance, navigate: Navigate): void =>
    void navigate({ to: "/containers/$dock/$id", params: { dock: instance.dock, id: instance.id }, search: { tab } });

export const START: Verb = { name: "start", label: "Start", icon: IconPlayerPlay, right: "operate", run: request("start-container") };
export const STOP: Verb = { name: "stop", label: "Stop", icon: IconPlayerStop, right: "operate", run: request("stop-container") };
export const RESTART: Verb = { name: "restart", label: "Restart", icon: IconRefresh, right: "operate", run: request("restart-container") };
export const LOGS: Verb = { name: "logs", label: "Logs", icon: IconFileText, right: "view", shows: "logs", run: show("logs") };
export const TERMINAL: Verb = { name: "terminal", label: "Terminal", icon: IconTerminal2, right: "exec", running: true, shows: "terminal", run: show("terminal") };
const PAUSE: Verb = { name: "pause", label: "Pause", icon: IconPlayerPause, right: "operate", running: true, run: request("pause-container") };
const RESUME: Verb = { name: "resume", label: "Resume", icon: IconPlayerPlay, right: "operate", run: request("unpause-container") };
const KILL: Verb = { name: "kill", label: "Kill…", icon: IconBolt, right: "operate", running: true, run: dialog("kill") };
const RENAME: Verb = { name: "rename", label: "Rename…", icon: IconEdit, right: "operate", run: dialog("rename") };
const LIMITS: Verb = { name: "limits", label: "Change limits…", icon: IconGauge, right: "operate", run: dialog("limits") };
const RECREATE: Verb = { name: "recreate", label: "Recreate from a newer image…", icon: IconReplace, right: "operate", run: dialog("recreate") };
const SHARE: Verb = { name: "share", label: "Share…", icon: IconShare, right: "admin", run: dialog("share") };
const GIVE: Verb = { name: "give", label: "Give away…", icon: IconArrowsExchange, right: "admin", run: dialog("give") };
const ACCEPT: Verb = { name: "accept", label: "Accept it", icon: IconCheck, right: "view", run: request("accept-instance") };
const DECLINE: Verb = { name: "decline", label: "Decline it", icon: IconX, right: "view", run: request("decline-instance") };
const WITHDRAW: Verb = { name: "withdraw", label: "Withdraw the offer", icon: IconX, right: "admin", run: request("decline-instance") };
export const REMOVE: Verb = { name: "remove", label: "Remove…", icon: IconTrash, right: "delete", run: dialog("remove") };

/** Whether its processes are there. */
export const isOn = (instance: Instance) => ["running", "paused", "restarting"].includes(instance.state);

/** Those with an icon of their own, always in this order. */
export const offered = (instance: Instance): Verb[] => [isOn(instance) ? STOP : START, RESTART, LOGS, TERMINAL];
/** Those of the menu, in groups. */
export const more = (instance: Instance): Verb[][] => [
  ...(instance.offeredToMe ? [[ACCEPT, DECLINE]] : instance.offered === null ? [] : [[WITHDRAW]]),
  [instance.state === "paused" ? RESUME : PAUSE, KILL],
  [RENAME, LIMITS, RECREATE],
  [SHARE, GIVE],
  [REMOVE],
];

/** `Stop web`, `Logs of web`, `Terminal in web`. */
export function named(verb: Verb, instance: Instance): string {
  const link = verb.shows === "logs" ? "of " : verb.shows === "terminal" ? "in " : "";
  return `${verb.label} ${link}${instance.name}`;
}

const NAMES: Partial<Record<Access, string>> = { operate: "operate it", exec: "run commands in it", delete: "remove it", admin: "share it or give it away" };

/** Why this cannot be done to it now; null if it can. */
export function whyNot(instance: Instance, verb: Verb): string | null {
  if (!instance.rights.includes(verb.right)) {
    const whose = instance.why ?? (instance.owner === null ? "it is nobody's" : `it is ${instance.owner}'s`);
    return `You may not ${NAMES[verb.right] ?? "do this"}: ${whose.replace(/^It /, "it ").replace(/\.$/, "")}.`;
  }
  if (verb.shows === "logs") return null;
  if (instance.condition === "unknown") {
    const since = instance.lastSeen === null ? "" : ` for ${ago(instance.lastSeen)}`;
    return `${instance.dock} has not answered${since}, so this cannot be done now.`;
  }
  if (verb.running && !["running", "restarting"].includes(instance.state)) return instance.state === "paused" ? "It is paused." : "It does not run.";
  return null;
}
