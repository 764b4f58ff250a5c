import { expect, it } from "vitest";
import { Ring } from "./ring";

it("keeps the newest, and is the same until something comes", () => {
  const ring = new Ring<number>(3);
  for (const value of [1, 2, 3, 4, 5]) ring.push(value);
  expect(ring.snapshot).toEqual([3, 4, 5]);
  expect(ring.last).toBe(5);
  const before = ring.snapshot;
  expect(ring.snapshot).toBe(before);
  ring.push(6);
  expect(ring.snapshot).not.toBe(before);
  ring.clear();
  expect(ring.snapshot).toEqual([]);
});
