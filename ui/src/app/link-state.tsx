// Whether what is seen is so now, in the top bar; and since when not, above a screen that is stale.
import { useEffect, useState } from "react";
import { useLink, type Link } from "@/api/live";
import { now } from "@/api/clock";
import { For } from "@/ui/time";
import { IconPlugConnectedX } from "@tabler/icons-react";

const WORDS: Record<Link, [color: string, words: string]> = {
  live: ["var(--ok)", "Live"],
  connecting: ["var(--warn)", "Connecting…"],
  lost: ["var(--bad)", "Not live · retrying"],
  stale: ["var(--bad)", "Not live · retrying"],
};

export function LinkState() {
  const link = useLink();
  const [color, words] = WORDS[link];
  return (
    <div className="link-state" role="status" style={{ "--dot": color } as React.CSSProperties}>
      <span aria-hidden className={link === "live" ? "dot" : "dot pulse"} />
      <span>{words}</span>
    </div>
  );
}

/** What is seen may be old: it stays, dimmed, and this says since when. */
export function StaleNote() {
  const link = useLink();
  const [since, setSince] = useState(now);
  const live = link === "live" || link === "connecting";
  useEffect(() => {
    if (live) return;
    setSince(now());
  }, [live]);
  if (link !== "stale") return null;
  return (
    <div className="note hatched">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        <b>Not live for <For since={since} />.</b> The node does not answer; what you see was last known then. It is asked again by itself.
      </span>
    </div>
  );
}
