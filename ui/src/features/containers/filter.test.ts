import { describe, expect, it } from "vitest";
import { query } from "@/api/client";
import type { Counts } from "@/api/types";
import { chips, cleared, filterOf, isFiltered, sortedBy, toggled } from "./filter";

describe("what the address says", () => {
  it("has several conditions, or none", () => {
    const two = toggled(toggled({ q: "web" }, "failing"), "unknown");
    expect(two).toEqual({ q: "web", state: "failing,unknown" });
    expect(toggled(toggled(two, "failing"), "unknown")).toEqual({ q: "web" });
  });
  it("is sorted upwards, downwards, and failing first without a word", () => {
    expect(sortedBy({}, "name")).toEqual({ sort: "name" });
    expect(sortedBy({ sort: "name" }, "name")).toEqual({ sort: "-name" });
    expect(sortedBy({}, "state")).toEqual({ sort: "-state" });
    expect(sortedBy({ sort: "-state" }, "state")).toEqual({});
  });
  it("clears what keeps rows away, not the order", () => {
    const search = { q: "web", dock: "barge", mine: true, sort: "-name", group: "dock" } as const;
    expect(isFiltered(search)).toBe(true);
    expect(cleared(search)).toEqual({ sort: "-name", group: "dock" });
    expect(isFiltered(cleared(search))).toBe(false);
  });
  it("becomes what the node is asked", () => {
    expect(query({ ...filterOf({ q: "a b", state: "failing,unknown", mine: true, group: "dock" }) })).toBe("?q=a+b&state=failing%2Cunknown&mine=true&sort=dock");
    expect(query({ ...filterOf({}) })).toBe("");
  });
  it("offers rare conditions only where there are such", () => {
    const names = (state: string | undefined, paused: number) => chips(state ? { state } : {}, { paused, starting: 0 } as Counts).map(([condition]) => condition);
    expect(names(undefined, 0)).not.toContain("paused");
    expect(names(undefined, 2)).toContain("paused");
    expect(names("starting", 0)).toContain("starting");
  });
});
