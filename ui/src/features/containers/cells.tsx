// What is in the cells of rows and cards: plain elements, as there are many of them.
import { memo, useMemo } from "react";
import { IconDotsVertical, IconLock } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { usePendingFor } from "@/api/requests";
import { useDockStats } from "@/api/stats";
import type { Instance, Port } from "@/api/types";
import { containerHref } from "@/ui/plain-links";
import type { NoNumber } from "@/ui/spark";
import { look, StateBadge } from "@/ui/state";
import { For } from "@/ui/time";
import { isOn, named, offered, whyNot, type Verb } from "./verbs";

export function State({ instance }: { instance: Instance }) {
  return <StateBadge of={look(instance, usePendingFor(instance.id))} />;
}

/** Numbers come only of what runs on a dock that answers. */
export function noNumber(instance: Instance): NoNumber {
  if (instance.condition === "unknown") return "unknown";
  return isOn(instance) ? undefined : "off";
}

/** The statistics of those that are seen come for as long as they are. */
export function useStatsOf(seen: Instance[]) {
  useDockStats(useMemo(() => seen.filter((instance) => noNumber(instance) === undefined).map((instance) => instance.dock), [seen]));
}

export function Owner({ instance }: { instance: Instance }) {
  if (instance.mine) return <span className="you">You</span>;
  if (instance.owner === null) return <span className="dim">nobody</span>;
  return (
    <span className="owner">
      {!instance.rights.includes("operate") && <IconLock size={13} aria-label="Not yours" role="img" />}
      <a className="plain" href={`/containers?owner=${encodeURIComponent(instance.owner)}`} data-tip={`What ${instance.owner} has`}>
        {instance.owner}
      </a>
    </span>
  );
}

const portOf = (port: Port) => `${port.publicPort === null ? "" : `${port.publicPort}→`}${port.privatePort}${port.protocol === "tcp" ? "" : `/${port.protocol}`}`;

/** Published ones first; each once, although Docker lists them for IPv4 and for IPv6. */
function portsOf(ports: Port[]): string[] {
  const ordered = [...ports].sort((a, b) => Number(a.publicPort === null) - Number(b.publicPort === null));
  return [...new Set(ordered.map(portOf))];
}

export function Ports({ instance }: { instance: Instance }) {
  const all = portsOf(instance.ports);
  if (all.length === 0) return <span className="dim">–</span>;
  return (
    <span className="mono" data-tip={all.length > 2 ? all.join(", ") : undefined}>
      {all.slice(0, 2).join(", ")}
      {all.length > 2 && ` +${all.length - 2}`}
    </span>
  );
}

export function Since({ instance }: { instance: Instance }) {
  if (instance.condition === "unknown") return <span data-tip="Not known: its dock does not answer">?</span>;
  return instance.since === null ? <span className="dim">–</span> : <For since={instance.since} />;
}

function VerbButton({ instance, verb, busy }: { instance: Instance; verb: Verb; busy: boolean }) {
  const navigate = useNavigate();
  const no = whyNot(instance, verb);
  const label = named(verb, instance);
  if (verb.shows && !no) {
    return (
      <a className="ib" data-tip={verb.label} aria-label={label} href={containerHref(instance, verb.shows)}>
        <verb.icon size={17} />
      </a>
    );
  }
  const off = no !== null || (busy && !verb.shows);
  const run = () => {
    if (!off) verb.run(instance, navigate);
  };
  return (
    <button type="button" className="ib" data-tip={no ?? (off ? "Something is under way for it" : verb.label)} aria-label={label} aria-disabled={off} onClick={run}>
      <verb.icon size={17} />
    </button>
  );
}

/** Opens the menu of the rest; there is one menu for all rows. */
export type OpenMenu = (instance: Instance, anchor: HTMLElement) => void;

/** Where there is little room those that only show something are in the menu. */
export const Verbs = memo(function Verbs({ instance, openMenu, few = false }: { instance: Instance; openMenu: OpenMenu; few?: boolean }) {
  const busy = usePendingFor(instance.id) !== undefined;
  const verbs = offered(instance);
  return (
    <span className="acts">
      {(few ? verbs.filter((verb) => !verb.shows) : verbs).map((verb) => (
        <VerbButton key={verb.name} instance={instance} verb={verb} busy={busy} />
      ))}
      <button type="button" className="ib" aria-haspopup="menu" data-tip="More" aria-label={`More for ${instance.name}`} onClick={(event) => openMenu(instance, event.currentTarget)}>
        <IconDotsVertical size={17} />
      </button>
    </span>
  );
});
