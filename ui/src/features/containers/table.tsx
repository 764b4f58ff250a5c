// The list as a table: plain elements, only the rows that are seen, further pages as one scrolls.
import { memo, useCallback, useEffect, useMemo, useRef } from "react";
import { VisuallyHidden } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { Instance } from "@/api/types";
import type { ListSearch } from "@/app/router";
import { containerHref, usePlainLinks } from "@/ui/plain-links";
import { usePrefs } from "@/ui/prefs";
import { CpuCell, MemoryCell } from "@/ui/spark";
import { noNumber, Owner, Ports, Since, State, useStatsOf, Verbs, type OpenMenu } from "./cells";
import type { Marks } from "./marks";

const COLUMNS: { id: string; label: string; sorts?: true }[] = [
  { id: "name", label: "Name", sorts: true },
  { id: "state", label: "State", sorts: true },
  { id: "dock", label: "Dock", sorts: true },
  { id: "owner", label: "Owner", sorts: true },
  { id: "cpu", label: "CPU, 2 min" },
  { id: "memory", label: "Memory" },
  { id: "ports", label: "Ports" },
  { id: "since", label: "Since", sorts: true },
];
const SPAN = COLUMNS.length + 2;
/** Below that many all rows are there, so that the browser's own search finds them. */
const VIRTUAL = 60;
const AHEAD = 40;
const ROW = { comfortable: 52, compact: 44 };
const GROUP = 34;

export const rowId = (id: string) => `row-${id}`;

interface RowProps {
  instance: Instance;
  index: number;
  marked: boolean;
  onMark: (id: string) => void;
  openMenu: OpenMenu;
}
const Row = memo(function Row({ instance, index, marked, onMark, openMenu }: RowProps) {
  const none = noNumber(instance);
  return (
    <tr id={rowId(instance.id)} tabIndex={-1} aria-rowindex={index + 2} data-selected={marked} data-unknown={instance.condition === "unknown"}>
      <td data-col="mark">
        <input type="checkbox" className="cb" aria-label={`Mark ${instance.name}`} checked={marked} onChange={() => onMark(instance.id)} />
      </td>
      <th scope="row" className="name" data-col="name">
        <a href={containerHref(instance)} title={instance.name}>
          {instance.name}
        </a>
        <span className="sub mono" title={instance.image}>
          {instance.image}
        </span>
      </th>
      <td data-col="state">
        <State instance={instance} />
      </td>
      <td data-col="dock" title={instance.dock}>
        {instance.dock}
      </td>
      <td data-col="owner">
        <Owner instance={instance} />
      </td>
      <td data-col="cpu">
        <CpuCell id={instance.id} none={none} />
      </td>
      <td data-col="memory">
        <MemoryCell id={instance.id} none={none} />
      </td>
      <td data-col="ports">
        <Ports instance={instance} />
      </td>
      <td data-col="since">
        <Since instance={instance} />
      </td>
      <td data-col="acts">
        <Verbs instance={instance} openMenu={openMenu} />
      </td>
    </tr>
  );
});

function Head({ search, onSort, marks }: { search: ListSearch; onSort: (column: string) => void; marks: Marks }) {
  const sort = search.group ? "dock" : (search.sort ?? "state");
  const down = sort.startsWith("-");
  const by = sort.replace("-", "");
  const some = marks.chosen.length > 0 && !marks.all;
  return (
    <tr>
      <th scope="col" data-col="mark">
        <input
          type="checkbox"
          className="cb"
          aria-label="Mark all"
          checked={marks.all}
          ref={(box) => {
            if (box) box.indeterminate = some;
          }}
          onChange={marks.toggleAll}
        />
      </th>
      {COLUMNS.map(({ id, label, sorts }) => (
        <th key={id} scope="col" data-col={id} aria-sort={by === id ? (down ? "descending" : "ascending") : undefined}>
          {sorts ? (
            <button type="button" onClick={() => onSort(id)}>
              {label}
              {by === id && (down ? <IconArrowDown size={13} aria-hidden /> : <IconArrowUp size={13} aria-hidden />)}
            </button>
          ) : (
            label
          )}
        </th>
      ))}
      <th scope="col" data-col="acts">
        <VisuallyHidden>Actions</VisuallyHidden>
      </th>
    </tr>
  );
}

type Item = { dock: string; count: number } | { instance: Instance; index: number };

const keyOf = (item: Item) => ("instance" in item ? item.instance.id : `dock ${item.dock}`);

/** In groups there is a row with the name of the dock before the rows of each. */
function itemsOf(instances: Instance[], grouped: boolean): Item[] {
  const items: Item[] = [];
  let group: { dock: string; count: number } | null = null;
  instances.forEach((instance, index) => {
    if (grouped && group?.dock !== instance.dock) {
      group = { dock: instance.dock, count: 0 };
      items.push(group);
    }
    if (group) group.count++;
    items.push({ instance, index });
  });
  return items;
}

interface TableProps {
  instances: Instance[];
  total: number;
  search: ListSearch;
  onSort: (column: string) => void;
  marks: Marks;
  openMenu: OpenMenu;
  /** The row that the keys are on; it is scrolled to. */
  at: string | null;
  onMore: () => void;
}

export function ContainerTable({ instances, total, search, onSort, marks, openMenu, at, onMore }: TableProps) {
  const box = useRef<HTMLDivElement>(null);
  const follow = usePlainLinks();
  const { density } = usePrefs();
  const items = useMemo(() => itemsOf(instances, search.group === "dock"), [instances, search.group]);
  const big = items.length > VIRTUAL;
  const virtual = useVirtualizer({
    count: items.length,
    enabled: big,
    getScrollElement: () => box.current,
    // With other functions each time the places of all rows would be counted anew.
    estimateSize: useCallback((index: number) => ("instance" in items[index]! ? ROW[density] : GROUP), [items, density]),
    overscan: 8,
    getItemKey: useCallback((index: number) => keyOf(items[index]!), [items]),
  });
  const seen = big ? virtual.getVirtualItems() : null;
  const [first, last] = seen ? [seen[0]?.index ?? 0, seen.at(-1)?.index ?? 0] : [0, items.length - 1];
  const shown = useMemo(() => items.slice(first, last + 1), [items, first, last]);
  const before = seen?.[0]?.start ?? 0;
  const after = seen?.length ? virtual.getTotalSize() - seen.at(-1)!.end : 0;

  useStatsOf(useMemo(() => shown.flatMap((item) => ("instance" in item ? [item.instance] : [])), [shown]));
  useEffect(() => {
    if (instances.length < total && last >= items.length - AHEAD) onMore();
  }, [last, items.length, instances.length, total, onMore]);
  useEffect(() => {
    if (at === null) return;
    const index = items.findIndex((item) => "instance" in item && item.instance.id === at);
    if (big && index >= 0) virtual.scrollToIndex(index, { align: "auto" });
    const frame = requestAnimationFrame(() => document.getElementById(rowId(at))?.focus());
    return () => cancelAnimationFrame(frame);
  }, [at]);

  return (
    <div ref={box} className={`card dt-wrap containers${big ? " tall" : ""}`} tabIndex={big ? 0 : undefined} onClick={follow}>
      <table className="dt" aria-label="Containers" aria-rowcount={total + 1}>
        <thead>
          <Head search={search} onSort={onSort} marks={marks} />
        </thead>
        <tbody>
          {before > 0 && <Space height={before} />}
          {shown.map((item) =>
            "instance" in item ? (
              <Row key={keyOf(item)} instance={item.instance} index={item.index} marked={marks.has(item.instance.id)} onMark={marks.toggle} openMenu={openMenu} />
            ) : (
              <tr key={keyOf(item)} className="grp">
                <td colSpan={SPAN}>
                  {item.dock} <span className="dim num">{item.count}</span>
                </td>
              </tr>
            ),
          )}
          {after > 0 && <Space height={after} />}
        </tbody>
      </table>
    </div>
  );
}

const Space = ({ height }: { height: number }) => (
  <tr className="pad" aria-hidden>
    <td colSpan={SPAN} style={{ height }} />
  </tr>
);
