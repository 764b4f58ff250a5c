// The keys of the list: a row is gone to, and something is done to it.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useKeys } from "@/app/keys";
import type { Instance } from "@/api/types";
import type { Marks } from "./marks";
import { LOGS, offered, RESTART, TERMINAL, whyNot, type Verb } from "./verbs";

/** What has the focus answers to Enter by itself. */
const isControl = (event: KeyboardEvent) => (event.target as HTMLElement).closest("a, button, input") !== null;

export function useRowKeys(listed: Instance[], marks: Marks, focusFilter: () => void): string | null {
  const navigate = useNavigate();
  const [at, setAt] = useState<string | null>(null);
  const index = listed.findIndex((instance) => instance.id === at);
  const row = listed[index];
  const step = (by: number) => setAt(listed[Math.max(0, Math.min(listed.length - 1, index + by))]?.id ?? null);
  const run = (verb: Verb | undefined) => {
    if (row && verb && whyNot(row, verb) === null) verb.run(row, navigate);
  };
  useKeys({
    "/": focusFilter,
    j: () => step(1),
    k: () => step(index < 0 ? 1 : -1),
    x: () => row && marks.toggle(row.id),
    s: () => run(row && offered(row)[0]),
    r: () => run(RESTART),
    l: () => run(LOGS),
    t: () => run(TERMINAL),
    Enter: (event) => {
      if (isControl(event)) (event.target as HTMLElement).click();
      else if (row) void navigate({ to: "/containers/$dock/$id", params: { dock: row.dock, id: row.id }, search: {} });
    },
    Escape: () => {
      marks.clear();
      setAt(null);
    },
  });
  return at;
}
