// Which rows are marked. Only rows that are listed count: what a filter has hidden is not acted on.
import { useCallback, useMemo, useState } from "react";
import type { Instance } from "@/api/types";

export interface Marks {
  chosen: Instance[];
  all: boolean;
  has: (id: string) => boolean;
  toggle: (id: string) => void;
  toggleAll: () => void;
  clear: () => void;
}

export function useMarks(listed: Instance[]): Marks {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const chosen = useMemo(() => (ids.size ? listed.filter((instance) => ids.has(instance.id)) : []), [ids, listed]);
  const all = listed.length > 0 && chosen.length === listed.length;
  const toggle = useCallback((id: string) => {
    setIds((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  return {
    chosen,
    all,
    has: (id) => ids.has(id),
    toggle,
    toggleAll: () => setIds(all ? new Set() : new Set(listed.map((instance) => instance.id))),
    clear: () => setIds(new Set()),
  };
}
