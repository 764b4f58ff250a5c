// What has happened last, as it happens.
import { Text, Title } from "@mantine/core";
import { AnchorLink } from "@/ui/link";
import { nameIn, useNames } from "@/ui/names";
import { Trouble } from "@/ui/trouble";
import { EventRow } from "../events/rows";
import { useFeed } from "../events/use-feed";
import { WaitingRows } from "./rows";

const SHOWN = 14;
const ALL = {};

export function LatestEvents() {
  const { feed, first } = useFeed(ALL);
  const names = useNames();
  const shown = feed.events.slice(0, SHOWN);
  return (
    <section className="card panel" aria-label="Latest events">
      <div className="panel-head">
        <Title order={2}>Latest events</Title>
        {shown.length > 0 && (
          <AnchorLink to="/events" size="sm">
            All events
          </AnchorLink>
        )}
      </div>
      {shown.length > 0 ? (
        <ul className="panel-rows">
          {shown.map((event) => (
            <EventRow key={event.at} event={event} name={nameIn(names, event)} />
          ))}
        </ul>
      ) : first.data ? (
        <Text c="dimmed">Nothing has happened that is still known of.</Text>
      ) : first.error ? (
        <Trouble what="The events" error={first.error} retry={first.refetch} />
      ) : (
        <WaitingRows rows={5} />
      )}
    </section>
  );
}
