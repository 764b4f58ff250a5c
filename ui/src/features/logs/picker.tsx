// Adds containers by name, which the node looks for; those that are chosen are beside it.
import { useState } from "react";
import { Loader, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { IconPlus, IconX } from "@tabler/icons-react";
import { q } from "@/api/client";
import type { Instance } from "@/api/types";
import { look, StateIcon } from "@/ui/state";
import { keyOf, type States } from "./use-merged";
import { MOST, type Chosen } from "./chosen";

interface Props {
  chosen: Chosen[];
  states: States;
  onAdd: (place: { dock: string; id: string }) => void;
  onRemove: (place: { dock: string; id: string }) => void;
}

const SHOWN = 40;

export function Picker({ chosen, states, onAdd, onRemove }: Props) {
  const [typed, setTyped] = useState("");
  const [words] = useDebouncedValue(typed, 180);
  const { data, isFetching } = useInfiniteQuery({ ...q.instances(words.trim() ? { q: words.trim() } : {}), placeholderData: keepPreviousData });
  const taken = new Set(chosen.map(keyOf));
  const page = data?.pages[0];
  const options = (page?.instances ?? []).filter((one) => !taken.has(keyOf(one))).slice(0, SHOWN);
  const full = chosen.length >= MOST;
  return (
    <div className="picker">
      <Select
        aria-label="Add a container"
        placeholder={full ? `No more than ${MOST} at a time` : chosen.length ? "Add another container" : "Add containers"}
        leftSection={<IconPlus size={15} />}
        rightSection={isFetching && typed ? <Loader size={14} aria-label="Looking" /> : undefined}
        searchable
        disabled={full}
        searchValue={typed}
        onSearchChange={setTyped}
        // The node has filtered them.
        filter={({ options: all }) => all}
        data={options.map((one) => ({ value: keyOf(one), label: `${one.name} · ${one.dock}` }))}
        nothingFoundMessage={typed ? "No container of that name" : "No containers"}
        value={null}
        onChange={(value) => {
          const one = options.find((option) => keyOf(option) === value);
          if (one) onAdd(one);
          setTyped("");
        }}
        className="picker-input"
      />
      <ul className="picked" aria-label="Chosen containers">
        {chosen.map((one) => (
          <li key={keyOf(one)}>
            <span className="pill source" data-tip={tipOf(one, states)} data-off={one.gone || one.instance?.condition === "unknown" || undefined}>
              {one.instance && <Condition instance={one.instance} />}
              {one.label}
              <button type="button" aria-label={`Leave out ${one.label}`} onClick={() => onRemove(one)}>
                <IconX size={13} aria-hidden />
              </button>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Condition({ instance }: { instance: Instance }) {
  const of = look(instance);
  return (
    <span style={{ display: "inline-flex", color: `var(--${of.tone === "unknown" ? "idle" : of.tone})` }}>
      <StateIcon of={of} size={13} />
    </span>
  );
}

function tipOf(one: Chosen, states: States): string {
  if (one.gone) return `${one.label} is not there any more, on ${one.dock}.`;
  const state = states[keyOf(one)];
  const how = one.instance ? look(one.instance).label : "not known yet";
  const log = state?.is === "broken" ? ` The log broke off, and is asked for again: ${state.message}` : state?.is === "failed" ? ` Its log cannot be read: ${state.message}` : state?.is === "ended" ? " Its log has ended." : "";
  return `On ${one.dock}, ${how}.${log}`;
}
