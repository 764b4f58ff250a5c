import { describe, expect, it } from "vitest";
import { ago, bytes, count, rate, span } from "./fmt";

describe("what people read", () => {
  it("bytes", () => expect([0, 512, 1024, 700 * 2 ** 20, 1.9 * 2 ** 30, 64 * 2 ** 30].map(bytes)).toEqual(["0 B", "512 B", "1.0 KiB", "700 MiB", "1.9 GiB", "64 GiB"]));
  it("rates", () => expect([0, 1_500, 72_000, 3_200_000].map(rate)).toEqual(["0 B/s", "1.5 kB/s", "72 kB/s", "3.2 MB/s"]));
  it("spans", () => expect([0, 31_000, 22 * 60_000, 6.5 * 3_600_000, 284.5 * 3_600_000].map(span)).toEqual(["0s", "31s", "22m", "6h 30m", "11d 20h"]));
  it("never counts what is ahead of the clock as long ago", () => expect(ago(2_000, 1_000)).toBe("0s"));
  it("counts", () => expect([count(1, "container"), count(2, "container"), count(0, "entry", "entries")]).toEqual(["1 container", "2 containers", "0 entries"]));
});
