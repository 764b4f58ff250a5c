// The events that fit, by the minute, as they come; older ones on demand; marks where the connection was broken off.
import { useState } from "react";
import { Button, Group, Text } from "@mantine/core";
import { IconHistory, IconPlayerPause, IconPlayerPlay, IconPlugConnectedX } from "@tabler/icons-react";
import type { ClusterEvent } from "@/api/types";
import { count } from "@/ui/fmt";
import { nameIn, useNames, type Names } from "@/ui/names";
import { useTicking } from "@/ui/time";
import { minuteTitle } from "@/ui/times";
import { Empty, Trouble } from "@/ui/trouble";
import { Rows } from "../resources/frame";
import { byMinute, segments, type EventFilter } from "./feed";
import { EventRow } from "./rows";
import { useFeed } from "./use-feed";

interface Props {
  filter: EventFilter;
  /** What to do where none fits; without it there is no filter that could be cleared. */
  onClear?: (() => void) | undefined;
}

/** Another filter is another list. */
export const EventList = ({ filter, onClear }: Props) => <Events key={JSON.stringify(filter)} filter={filter} onClear={onClear} />;

function Events({ filter, onClear }: Props) {
  const { feed, first, older, before } = useFeed(filter);
  const [paused, setPaused] = useState<ClusterEvent[] | null>(null);
  const { events } = feed;
  const names = useNames();
  if (events.length === 0) {
    if (first.isPending) return <Rows />;
    if (first.error) return <Trouble what="The events" error={first.error} retry={first.refetch} />;
    return <None onClear={onClear} />;
  }
  const newest = paused?.[0]?.at;
  const missed = newest === undefined ? 0 : events.findIndex(({ at }) => at === newest);
  const shown = missed > 0 ? events.slice(missed) : events;
  const oldest = events.at(-1)!.at;
  return (
    <>
      <Group mb={12} gap={12}>
        <Button variant="default" leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} onClick={() => setPaused(paused ? null : events)}>
          {paused ? "Go on" : "Pause"}
        </Button>
        <Text size="sm" c="dimmed" role="status">
          {paused ? (missed > 0 ? `Paused · ${count(missed, "new event")}` : "Paused") : "New ones appear by themselves."}
        </Text>
      </Group>
      <section className="card events" aria-label="Events">
        {segments(shown, feed.gaps).map(({ gap, events: those }) => (
          <div key={gap?.below ?? "newest"}>
            {gap && <GapMark closed={gap.closed} onRead={() => void before(above(events, gap.below))} />}
            {byMinute(those).map(({ start, events: each }) => (
              <Minute key={start} start={start} events={each} names={names} />
            ))}
          </div>
        ))}
      </section>
      <Group mt={12} gap={12}>
        {older instanceof Error && <Trouble what="Older events" error={older} retry={() => before(oldest)} />}
        {feed.more ? (
          <Button variant="default" loading={older === "asked"} onClick={() => void before(oldest)}>
            Read older ones
          </Button>
        ) : (
          <Text size="sm" c="dimmed">
            That is all that is still known: the cluster keeps its last 10,000 events.
          </Text>
        )}
      </Group>
    </>
  );
}

/** The oldest event that is newer than a place. */
const above = (events: ClusterEvent[], place: string) => events[events.findIndex(({ at }) => at === place) - 1]?.at ?? events[0]!.at;

function Minute({ start, events, names }: { start: number; events: ClusterEvent[]; names: Names }) {
  const title = useTicking((now) => minuteTitle(start, now));
  return (
    <div className="minute">
      <h2 className="num">{title}</h2>
      <ul className="panel-rows">
        {events.map((event) => (
          <EventRow key={event.at} event={event} name={nameIn(names, event)} links />
        ))}
      </ul>
    </div>
  );
}

const GapMark = ({ closed, onRead }: { closed: boolean; onRead: () => void }) => (
  <div className="gap-mark hatched">
    <IconPlugConnectedX size={16} aria-hidden />
    {closed ? (
      <span>The connection to the node broke here and came back; nothing is missing.</span>
    ) : (
      <>
        <span>The connection to the node broke here: some events may be missing.</span>
        <Button variant="default" size="compact-sm" onClick={onRead}>
          Read them
        </Button>
      </>
    )}
  </div>
);

function None({ onClear }: { onClear?: (() => void) | undefined }) {
  if (!onClear) {
    return (
      <Empty icon={IconHistory} title="Nothing has happened yet">
        <p>What docks and containers do, and what people ask for, appears here by itself.</p>
      </Empty>
    );
  }
  return (
    <Empty
      icon={IconHistory}
      title="No event fits"
      action={
        <Button variant="default" onClick={onClear}>
          Clear filters
        </Button>
      }
    >
      <p>Of the last 10,000 of the cluster. New ones that fit appear by themselves.</p>
    </Empty>
  );
}
