// The list on a phone: a card each.
import { Fragment, useEffect, useMemo, useRef } from "react";
import type { Instance } from "@/api/types";
import type { ListSearch } from "@/app/router";
import { containerHref, usePlainLinks } from "@/ui/plain-links";
import { CpuCell } from "@/ui/spark";
import { noNumber, Owner, Since, State, useStatsOf, Verbs, type OpenMenu } from "./cells";

function Card({ instance, openMenu }: { instance: Instance; openMenu: OpenMenu }) {
  return (
    <li className={`card container-card${instance.condition === "unknown" ? " hatched" : ""}`} aria-label={instance.name}>
      <div>
        <span className="name">
          <a href={containerHref(instance)}>{instance.name}</a>
          <span className="sub mono dim">{instance.image}</span>
        </span>
        <State instance={instance} />
      </div>
      <div>
        <CpuCell id={instance.id} none={noNumber(instance)} />
        <Verbs instance={instance} openMenu={openMenu} few />
      </div>
      <div className="meta">
        <span>{instance.dock}</span>
        <Owner instance={instance} />
        <Since instance={instance} />
      </div>
    </li>
  );
}

interface CardsProps {
  instances: Instance[];
  total: number;
  search: ListSearch;
  openMenu: OpenMenu;
  onMore: () => void;
}

/** As many as are counted as seen: their statistics are asked for. */
const SEEN = 60;

export function ContainerCards({ instances, total, search, openMenu, onMore }: CardsProps) {
  const follow = usePlainLinks();
  const end = useRef<HTMLDivElement>(null);
  useStatsOf(useMemo(() => instances.slice(0, SEEN), [instances]));
  useEffect(() => {
    if (instances.length >= total) return;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting && onMore(), { rootMargin: "800px" });
    near.observe(end.current!);
    return () => near.disconnect();
  }, [instances.length, total, onMore]);
  return (
    <>
      <ul className="container-cards" onClick={follow}>
        {instances.map((instance, at) => (
          <Fragment key={instance.id}>
            {search.group === "dock" && instances[at - 1]?.dock !== instance.dock && <li className="container-group">{instance.dock}</li>}
            <Card instance={instance} openMenu={openMenu} />
          </Fragment>
        ))}
      </ul>
      <div ref={end} />
    </>
  );
}
