// Sorting of rows that are all here. A sort is the name of a column, with `-` before it downwards, as it stands in addresses.
export type Key = string | number | null | undefined;

const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compare(a: Key, b: Key): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return order.compare(String(a), String(b));
}

/** The rows by `key`; those without one come last either way, and equal ones stay in their order. */
export function sorted<T>(rows: T[], key: (row: T) => Key, down: boolean): T[] {
  const none = (value: Key) => value === null || value === undefined || value === "";
  return [...rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (none(a) || none(b)) return Number(none(a)) - Number(none(b));
    return down ? compare(b, a) : compare(a, b);
  });
}

/** The sort after a click on a header: upwards first, then downwards. */
export const turned = (sort: string, column: string) => (sort === column ? `-${column}` : column);
