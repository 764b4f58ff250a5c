// A table of plain elements: sorted by its headers, with virtual rows when there are many, and as cards on a phone.
import { useCallback, useMemo, useRef, useState, type ReactNode } from "react";
import { VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { sorted, turned, type Key } from "./sort";
import "./data-table.css";

export interface Column<T> {
  /** Its name in the address when rows are sorted by it; `acts` is the one that stays in sight on the right. */
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** What rows are sorted by; without it the header cannot be clicked. */
  sort?: (row: T) => Key;
  numeric?: boolean;
  /** The width of the table below which the column is left out. */
  until?: 1220 | 1000 | 820;
}

interface Props<T> {
  /** What the table is of. */
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowId: (row: T) => string;
  /** The column, with `-` before it downwards; those who keep it in the address give `onSort` too. */
  sort: string;
  onSort?: (sort: string) => void;
  /** What a row is on a phone. */
  card: (row: T) => ReactNode;
  /** Whether a row tells only what was last known. */
  stale?: (row: T) => boolean;
}

const VIRTUAL_ABOVE = 60;
const ROW = 52;

export function DataTable<T>({ label, rows, columns, rowId, sort: given, onSort, card, stale }: Props<T>) {
  const wide = useMediaQuery("(min-width: 48em)", true, { getInitialValueInEffect: false });
  const [own, setOwn] = useState(given);
  const sort = onSort ? given : own;
  const by = columns.find((column) => column.id === sort.replace(/^-/, ""))?.sort;
  const model = useMemo(() => (by ? sorted(rows, by, sort.startsWith("-")) : rows), [rows, by, sort]);
  if (!wide) {
    return (
      <ul className="row-cards" aria-label={label}>
        {model.map((row) => (
          <li key={rowId(row)} className={`card row-card${stale?.(row) ? " hatched" : ""}`}>
            {card(row)}
          </li>
        ))}
      </ul>
    );
  }
  return <Table {...{ label, columns, rowId, stale, sort }} rows={model} onSort={onSort ?? setOwn} />;
}

type TableProps<T> = Omit<Props<T>, "card" | "onSort"> & { onSort: (sort: string) => void };

function Table<T>({ label, rows, columns, rowId, sort, onSort, stale }: TableProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const many = rows.length > VIRTUAL_ABOVE;
  const virtual = useVirtualizer({
    count: rows.length,
    enabled: many,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 8,
    // With another function each time the places of all rows would be counted anew.
    getItemKey: useCallback((index: number) => rowId(rows[index]!), [rows, rowId]),
  });
  const items = many ? virtual.getVirtualItems() : null;
  const shown = items ? items.map(({ index }) => index) : rows.map((_, index) => index);
  const before = items?.[0]?.start ?? 0;
  const after = items?.length ? virtual.getTotalSize() - items.at(-1)!.end : 0;
  return (
    <div ref={box} className={`card dt-wrap${many ? " tall" : ""}`} tabIndex={many ? 0 : undefined} role={many ? "region" : undefined} aria-label={many ? label : undefined}>
      <table className="dt" aria-label={label} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Header key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap height={before} />
          {shown.map((index) => {
            const row = rows[index]!;
            return (
              <tr key={rowId(row)} ref={many ? virtual.measureElement : undefined} data-index={index} aria-rowindex={index + 2} data-unknown={stale?.(row) || undefined}>
                {columns.map((column) => (
                  <td key={column.id} data-col={column.id} data-until={column.until} data-numeric={column.numeric || undefined}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Gap height={after} />
        </tbody>
      </table>
    </div>
  );
}

function Header<T>({ column, sort, onSort }: { column: Column<T>; sort: string; onSort: (sort: string) => void }) {
  const active = sort.replace(/^-/, "") === column.id;
  const Arrow = sort.startsWith("-") ? IconArrowDown : IconArrowUp;
  const order = sort.startsWith("-") ? "descending" : "ascending";
  return (
    <th scope="col" data-col={column.id} data-until={column.until} data-numeric={column.numeric || undefined} aria-sort={active ? order : undefined}>
      {column.sort ? (
        <button type="button" onClick={() => onSort(turned(sort, column.id))}>
          {column.header}
          {active && <Arrow size={13} aria-hidden />}
        </button>
      ) : column.id === "acts" ? (
        <VisuallyHidden>{column.header}</VisuallyHidden>
      ) : (
        column.header
      )}
    </th>
  );
}

/** The room of the rows that are not drawn. */
const Gap = ({ height }: { height: number }) =>
  height > 0 && (
    <tr className="pad" aria-hidden>
      <td style={{ height }} />
    </tr>
  );
