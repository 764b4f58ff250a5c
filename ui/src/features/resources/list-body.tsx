// What stands under the filters of a list: its rows, or why there are none.
import type { ReactNode } from "react";
import { Button } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Icon } from "@/ui/state";
import { Empty, Trouble } from "@/ui/trouble";
import { Rows } from "./frame";

interface Props {
  /** What it is of, such as `networks`. */
  what: string;
  query: Pick<UseQueryResult, "data" | "error" | "isPending" | "refetch">;
  /** How many there are, and how many of them fit the filters. */
  all: number;
  fitting: number;
  icon: Icon;
  /** What to do where there is nothing yet. */
  first: { title: string; words: string; action: ReactNode };
  onClear: () => void;
  children: ReactNode;
}

export function ListBody({ what, query, all, fitting, icon, first, onClear, children }: Props) {
  if (query.error && !query.data) return <Trouble what={`The ${what}`} error={query.error} retry={query.refetch} />;
  if (query.isPending) return <Rows />;
  if (all === 0) {
    return (
      <Empty icon={icon} title={first.title} action={first.action}>
        <p>{first.words}</p>
      </Empty>
    );
  }
  if (fitting === 0) {
    const clear = (
      <Button variant="default" onClick={onClear}>
        Clear filters
      </Button>
    );
    return (
      <Empty icon={icon} title={`None of the ${all.toLocaleString("en")} ${what} match`} action={clear}>
        <p>Look for another name, or on all docks.</p>
      </Empty>
    );
  }
  return children;
}
