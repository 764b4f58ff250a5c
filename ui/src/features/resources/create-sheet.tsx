// Makes something of the same name on one dock or several. What is typed is kept until all of it is there.
import { useState, type ReactNode } from "react";
import { Group, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { qc } from "@/api/client";
import { send } from "@/api/requests";
import type { RequestStatus } from "@/api/types";
import type { Draft } from "@/app/drafts";
import { count } from "@/ui/fmt";
import { WhyButton } from "./button";
import { DocksChoice } from "./docks-choice";
import { Problem, useDocks } from "./frame";
import { silent } from "./rights";

/** What all of them have. */
export interface Base {
  name: string;
  docks: string[];
}

interface Props<T extends Base> {
  /** `network` or `volume`. */
  what: "network" | "volume";
  draft: Draft<T>;
  /** Whether it can be without a name. */
  nameless?: boolean;
  /** The fields of the action, of what was typed. */
  fields: (value: T) => Record<string, unknown>;
  /** Why what was typed cannot be sent. */
  check: (value: T) => string | null;
  onDone: () => void;
  children: ReactNode;
}

const NAME = /^[a-zA-Z0-9][\w.-]*$/;

export function CreateForm<T extends Base>({ what, draft, nameless, fields, check, onDone, children }: Props<T>) {
  const { value, set } = draft;
  const docks = useDocks();
  const [failed, setFailed] = useState<RequestStatus[]>([]);
  const [busy, setBusy] = useState(false);
  const name = value.name.trim();
  const wrongName = name && !NAME.test(name) ? "Letters, digits, _ . and -, with a letter or digit first." : null;
  const why = !name && !nameless ? "It needs a name." : (wrongName ?? (value.docks.length === 0 ? "Choose at least one dock." : check(value)));
  const create = async () => {
    setBusy(true);
    setFailed([]);
    const ends = await Promise.all(value.docks.map((dock) => send(`create-${what}`, { ...fields(value), dock, ...(name ? { name } : {}) }, `${what}:${name}`, `${name || `a ${what}`} on ${dock}`)));
    setBusy(false);
    void qc.invalidateQueries({ queryKey: [`${what}s`] });
    const bad = ends.filter((end) => end.state !== "done");
    setFailed(bad);
    // Where it was made it is not made again.
    if (bad.length) {
      const left = value.docks.filter((_, at) => ends[at]!.state !== "done");
      set((old) => ({ ...old, docks: left }));
      return;
    }
    notifications.show({ title: name || `A ${what}`, message: `Made on ${value.docks.join(", ")}.` });
    draft.clear();
    onDone();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!why && !busy) void create();
      }}
    >
      <Stack gap={16}>
        {failed.map((end) => (
          <Problem key={end.requestId} title={`Not made on ${end.dock ?? "its dock"}.`} message={end.message ?? "Nothing is known of how it ended."} requestId={end.requestId} />
        ))}
        <TextInput
          label="Name"
          value={value.name}
          error={wrongName}
          description={nameless ? "Without one Docker makes one up." : undefined}
          onChange={({ currentTarget }) => {
            const { value: typed } = currentTarget;
            set((old) => ({ ...old, name: typed }));
          }}
          data-autofocus
          className="mono-input"
        />
        <DocksChoice legend="On which docks" docks={docks} chosen={value.docks} onChange={(chosen) => set((old) => ({ ...old, docks: chosen }))} why={silent} />
        {children}
        <Group>
          <WhyButton type="submit" why={why} loading={busy} onClick={() => {}}>
            {value.docks.length > 1 ? `Create on ${count(value.docks.length, "dock")}` : `Create ${what}`}
          </WhyButton>
        </Group>
      </Stack>
    </form>
  );
}

/** Lines of NAME=VALUE, as an object; null if one is none. */
export function readPairs(text: string): Record<string, string> | null {
  const pairs: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const at = line.indexOf("=");
    if (at === 0) return null;
    pairs[at < 0 ? line : line.slice(0, at)] = at < 0 ? "" : line.slice(at + 1);
  }
  return pairs;
}
