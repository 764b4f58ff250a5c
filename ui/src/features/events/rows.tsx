// Events as lines: when, what in words, and where.
import { memo } from "react";
import { Link } from "@tanstack/react-router";
import { IconAlertTriangle, IconArrowUpRight, IconBolt, IconBox, IconServer2 } from "@tabler/icons-react";
import type { ClusterEvent } from "@/api/types";
import { eventWords } from "@/ui/event-words";
import { clockTime, fullTime } from "@/ui/times";
import "@/ui/panels.css";
import "./events.css";

function kindIcon(event: string) {
  if (event === "request") return IconBolt;
  return event.startsWith("dock") ? IconServer2 : IconBox;
}

/** What has more on it, if anything has. */
function More({ event }: { event: ClusterEvent }) {
  if (event.event === "request") {
    return event.requestId ? (
      <Link to="/activity" search={{ id: event.requestId }} className="ib" aria-label="The request" data-tip="The request">
        <IconArrowUpRight size={15} aria-hidden />
      </Link>
    ) : null;
  }
  if (!event.dock || !event.id || event.event === "instance-removed") return null;
  return (
    <Link to="/containers/$dock/$id" params={{ dock: event.dock, id: event.id }} className="ib" aria-label={`Open ${event.name ?? event.id}`} data-tip={`Open ${event.name ?? event.id}`}>
      <IconArrowUpRight size={15} aria-hidden />
    </Link>
  );
}

interface Props {
  event: ClusterEvent;
  /** What it is about, as far as that is known. */
  name: string | null;
  links?: boolean;
}

export const EventRow = memo(function EventRow({ event, name, links = false }: Props) {
  const { text, level } = eventWords({ ...event, name });
  const Icon = level === "bad" ? IconAlertTriangle : kindIcon(event.event);
  return (
    <li className="event">
      <time className="num faint" dateTime={new Date(event.time).toISOString()} data-tip={fullTime(event.time)}>
        {clockTime(event.time)}
      </time>
      <Icon size={15} aria-hidden className={`event-icon level-${level}`} />
      <span className={`grow event-text level-${level}`}>{text}</span>
      {event.dock && (
        <Link to="/docks/$dock" params={{ dock: event.dock }} className="faint event-dock">
          {event.dock}
        </Link>
      )}
      {links && (
        <span className="event-more">
          <More event={event} />
        </span>
      )}
    </li>
  );
});
