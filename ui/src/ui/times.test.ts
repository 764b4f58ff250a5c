import { describe, expect, it } from "vitest";
import { absolute, relative, took } from "./times";

const now = new Date(2026, 10, 28, 21, 11, 20).getTime();
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("times", () => {
  it("says how long ago, and how long until", () => {
    expect([now, now - 12_000, now - 4 * MINUTE, now - 180 * MINUTE, now - 20.2 * DAY, now + 3.2 * DAY].map((at) => relative(at, now))).toEqual(["just now", "12s ago", "4m ago", "3h ago", "20d ago", "in 3d 4h"]);
  });
  it("says when, with no more than is needed", () => {
    expect([now - 4 * MINUTE, now - DAY, now - 400 * DAY].map((at) => absolute(at, now))).toEqual(["21:07:20", "27 Nov 21:11", "24 Oct 2025"]);
  });
  it("says how long something took", () => {
    expect([96.4, 1_240, 184_000].map(took)).toEqual(["96 ms", "1.2 s", "3m"]);
  });
});
