import { useEffect, useState, type Ref } from "react";
import { Button, Chip, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { IconSearch } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Counts, Docks } from "@/api/types";
import type { ListSearch } from "@/app/router";
import { chips, isFiltered, toggled, wanted } from "./filter";

const PAUSE = 180;

interface FilterBarProps {
  search: ListSearch;
  counts: Counts | undefined;
  set: (next: ListSearch) => void;
  clear: () => void;
  field: Ref<HTMLInputElement>;
}

/** Heartbeats change docks every two seconds; this looks only at which there are, and which answer. */
const names = ({ docks }: Docks) => docks.map(({ name, reachable }) => ({ value: name, label: reachable ? name : `${name} (does not answer)` }));

const without = <K extends keyof ListSearch>(search: ListSearch, key: K): ListSearch => {
  const { [key]: _, ...rest } = search;
  return rest;
};

/** Typing is seen at once, and asked for a moment later. */
function Text({ search, set, field }: Pick<FilterBarProps, "search" | "set" | "field">) {
  const [text, setText] = useState(search.q ?? "");
  useEffect(() => setText(search.q ?? ""), [search.q]);
  const ask = useDebouncedCallback((next: string) => set(next.trim() ? { ...search, q: next.trim() } : without(search, "q")), PAUSE);
  return (
    <TextInput
      ref={field}
      className="filter-text"
      type="search"
      aria-label="Filter containers"
      placeholder="Name, image, port, owner"
      leftSection={<IconSearch size={15} />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        ask(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

export function FilterBar({ search, counts, set, clear, field }: FilterBarProps) {
  const { data: me } = useQuery(q.me);
  const { data: docks = [] } = useQuery({ ...q.docks, select: names });
  // A dock that is gone must still be there to be cleared.
  const known = !search.dock || docks.some((dock) => dock.value === search.dock) ? docks : [...docks, { value: search.dock, label: search.dock }];
  const now = wanted(search);
  return (
    <div className="filters" role="search" aria-label="Containers">
      <Text search={search} set={set} field={field} />
      <Select
        className="filter-dock"
        aria-label="Dock"
        placeholder="All docks"
        clearable
        data={known}
        value={search.dock ?? null}
        onChange={(dock) => set(dock ? { ...search, dock } : without(search, "dock"))}
      />
      <div className="chips">
        {chips(search, counts).map(([condition, label]) => (
          <Chip key={condition} size="sm" variant="outline" checked={now.includes(condition)} onChange={() => set(toggled(search, condition))}>
            {label} <span className="num">{counts?.[condition].toLocaleString("en") ?? ""}</span>
          </Chip>
        ))}
        {me?.user && (
          <Chip size="sm" variant="outline" checked={search.mine ?? false} onChange={(mine) => set(mine ? { ...search, mine: true } : without(search, "mine"))}>
            Mine <span className="num">{counts?.mine.toLocaleString("en") ?? ""}</span>
          </Chip>
        )}
        {search.owner && (
          <Chip size="sm" variant="outline" checked onChange={() => set(without(search, "owner"))}>
            Of {search.owner}
          </Chip>
        )}
        <Chip size="sm" variant="outline" checked={search.group === "dock"} onChange={(grouped) => set(grouped ? { ...search, group: "dock" } : without(search, "group"))}>
          By dock
        </Chip>
      </div>
      {isFiltered(search) && (
        <Button variant="subtle" size="compact-sm" onClick={clear}>
          Clear filters
        </Button>
      )}
    </div>
  );
}
