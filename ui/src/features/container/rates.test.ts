import { expect, it } from "vitest";
import type { Sampled } from "@/api/stats";
import { rates } from "./rates";

it("says how fast bytes come, and nothing where the counter began anew", () => {
  const at = (seconds: number, rx: number) => ({ at: seconds * 1_000, rx }) as Sampled;
  expect(rates([at(0, 100), at(2, 300), at(4, 300), at(6, 50)], "rx")).toEqual([null, 100, 0, null]);
});
