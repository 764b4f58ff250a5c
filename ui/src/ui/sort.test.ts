import { describe, expect, it } from "vitest";
import { sorted, turned } from "./sort";

describe("sorted", () => {
  it("counts numbers in names as numbers", () => expect(sorted(["web-10", "web-2", "Web-1"], (name) => name, false)).toEqual(["Web-1", "web-2", "web-10"]));
  it("puts what has no key last both ways", () => {
    expect(sorted([null, 2, 1], (n) => n, false)).toEqual([1, 2, null]);
    expect(sorted([null, 2, 1], (n) => n, true)).toEqual([2, 1, null]);
  });
  it("leaves the rows that it was given as they were", () => {
    const rows = [2, 1];
    sorted(rows, (n) => n, false);
    expect(rows).toEqual([2, 1]);
  });
});

describe("turned", () => {
  it("goes upwards first, then downwards", () => expect(["-name", "name", "size"].map((sort) => turned(sort, "name"))).toEqual(["name", "-name", "name"]));
});
