// What to look for, since when and on which docks. It is asked for on Enter: each letter would ask all docks.
import { useEffect, useState, type Ref } from "react";
import { Button, MultiSelect, SegmentedControl, Select, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useDocks } from "../resources/frame";
import { SINCE, type Since } from "./use-search";

const WORDS: Record<Since, string> = { "15m": "Last 15 minutes", "1h": "Last hour", "6h": "Last 6 hours", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days" };

interface Props {
  words: string;
  since: Since;
  level: string;
  docks: string[];
  onSearch: (change: { q?: string; since: Since; level?: string | undefined; dock?: string | undefined }) => void;
  input: Ref<HTMLInputElement>;
}

export function SearchBar({ words, since, level, docks, onSearch, input }: Props) {
  const [typed, setTyped] = useState(words);
  useEffect(() => setTyped(words), [words]);
  const known = useDocks().map((dock) => ({ value: dock.name, label: dock.reachable ? dock.name : `${dock.name} (silent)` }));
  const gone = docks.filter((name) => !known.some((one) => one.value === name)).map((name) => ({ value: name, label: `${name} (gone)` }));
  const search = (change: Partial<Parameters<Props["onSearch"]>[0]>) => onSearch({ q: typed.trim(), since, ...change });
  return (
    <form
      className="search-bar"
      role="search"
      aria-label="All logs"
      onSubmit={(event) => {
        event.preventDefault();
        search({});
      }}
    >
      <TextInput ref={input} aria-label="Search the logs" placeholder="What a line contains" leftSection={<IconSearch size={15} />} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} className="grow" spellCheck={false} />
      <Select aria-label="Since" data={Object.keys(SINCE).map((value) => ({ value, label: WORDS[value as Since] }))} value={since} allowDeselect={false} onChange={(value) => search({ since: value as Since })} w={160} />
      <MultiSelect aria-label="Docks" placeholder={docks.length ? undefined : "All docks"} clearable data={[...known, ...gone]} value={docks} onChange={(chosen) => search({ dock: chosen.join(",") || undefined })} className="search-docks" />
      <SegmentedControl
        size="xs"
        aria-label="Level"
        value={level}
        onChange={(value) => search({ level: value === "all" ? undefined : value })}
        data={[
          { value: "all", label: "All" },
          { value: "warn", label: "Warnings +" },
          { value: "error", label: "Errors" },
        ]}
      />
      <Button type="submit">Search</Button>
    </form>
  );
}
