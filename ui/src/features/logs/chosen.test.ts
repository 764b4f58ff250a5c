import { describe, expect, it } from "vitest";
import { MOST, read, write } from "./chosen";

describe("read", () => {
  it("reads places, each once, and drops what is none", () => expect(read("a/1,b/2,a/1,,nonsense,/3,c/")).toEqual([{ dock: "a", id: "1" }, { dock: "b", id: "2" }]));
  it("has an end", () => expect(read(Array.from({ length: 99 }, (_, n) => `a/${n}`).join(","))).toHaveLength(MOST));
  it("comes back as it was", () => expect(write(read("a/1,b/2"))).toBe("a/1,b/2"));
  it("is nothing of nothing", () => expect([read(undefined), write([])]).toEqual([[], undefined]));
});
