// The logs of any set of containers: live and together, or searched over all docks.
import { useRef } from "react";
import { SegmentedControl } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconFileText } from "@tabler/icons-react";
import type { AtLeast } from "@/ui/log-view";
import { PageHead } from "@/ui/page-head";
import { Empty } from "@/ui/trouble";
import { MOST, useChosen, write } from "./chosen";
import { Live } from "./live";
import { Picker } from "./picker";
import { Results } from "./results";
import { SearchBar } from "./search-bar";
import { keyOf, useMerged } from "./use-merged";
import { isSince, useLogSearch } from "./use-search";
import "@/ui/log-view.css";
import "./logs.css";

const DEFAULT = "1h";

export function Logs() {
  const search = useSearch({ from: "/app/logs" });
  const navigate = useNavigate({ from: "/logs" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  // Words without containers, or a time, mean the past of all; containers alone mean what they write now.
  const searches = !!search.since || (!!search.q && !search.c);
  const since = isSince(search.since) ? search.since : DEFAULT;
  const level: AtLeast = search.level === "warn" || search.level === "error" ? search.level : "all";
  const input = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => input.current?.focus()]]);

  const { chosen, known } = useChosen(search.c);
  const { lines, states } = useMerged(chosen, known && !searches && chosen.length > 0);
  const asked = searches && (search.q || level !== "all") ? { q: search.q ?? "", since, level: search.level, dock: search.dock, c: write(chosen) } : null;
  const searching = useLogSearch(asked);
  const picker = (
    <Picker
      chosen={chosen}
      states={states}
      onAdd={(place) => set({ c: write([...chosen, place]) })}
      onRemove={(place) => {
        const rest = write(chosen.filter((one) => keyOf(one) !== keyOf(place)));
        // The filter of a live log is no search of all.
        set({ c: rest, ...(rest || searches ? {} : { q: undefined }) });
      }}
    />
  );
  const modes = (
    <SegmentedControl
      aria-label="What to read"
      value={searches ? "search" : "live"}
      onChange={(mode) => set({ since: mode === "search" ? since : undefined, ...(mode === "live" ? { dock: undefined, ...(search.c ? {} : { q: undefined }) } : {}) })}
      data={[
        { value: "live", label: "Live" },
        { value: "search", label: "Search" },
      ]}
    />
  );
  return (
    <>
      <PageHead title="Logs" actions={modes}>
        {searches ? "Looked through where they are, on all docks at once" : "Of any containers, together and by time"}
      </PageHead>
      {searches && <SearchBar words={search.q ?? ""} since={since} level={level} docks={search.dock?.split(",") ?? []} input={input} onSearch={(change) => set({ ...change, q: change.q || undefined })} />}
      {picker}
      {searches ? (
        asked ? (
          <Results searching={searching} words={search.q ?? ""} onClear={() => set({ q: undefined, level: undefined })} />
        ) : (
          <Empty icon={IconFileText} title="Search the logs of all docks">
            <p>Say what a line contains, or choose a level. With containers chosen, only theirs are searched.</p>
          </Empty>
        )
      ) : chosen.length > 0 ? (
        <Live lines={lines} states={states} chosen={chosen} query={search.q ?? ""} level={level} onQuery={(q) => set({ q: q || undefined })} onLevel={(next) => set({ level: next === "all" ? undefined : next })} />
      ) : (
        <Empty icon={IconFileText} title="Choose containers to read">
          <p>Up to {MOST} at a time, of whichever docks. The address keeps them, so it can be sent to others.</p>
        </Empty>
      )}
    </>
  );
}
