import { describe, expect, it } from "vitest";
import type { Dock } from "@/api/types";
import { candidates, closed } from "./candidates";

const dock = (name: string, some: Partial<Dock> = {}) => ({ name, state: "up", reachable: true, daemon: "up", running: 0, labels: {}, ...some }) as Dock;

describe("closed", () => {
  it.each([
    [{}, null],
    [{ state: "drained" }, "drained: it takes no new instances"],
    [{ state: "unregistered" }, "taken out of the pool"],
    [{ state: "stopped", reachable: false }, "its worker is stopped"],
    [{ state: "lost", reachable: false, daemon: null }, "does not answer"],
    [{ daemon: "down", reachable: false }, "its Docker daemon does not answer"],
  ] as [Partial<Dock>, string | null][])("%o", (some, why) => expect(closed(dock("a", some))).toBe(why));
});

describe("candidates", () => {
  const docks = [dock("anchor", { running: 4 }), dock("barge", { running: 2, labels: { disk: "ssd" } }), dock("coral", { state: "drained" }), dock("dinghy", { running: 2 })];
  const names = (labels: { name: string; value: string }[]) => candidates(docks, labels).map((one) => one.name);
  it("puts the one with the fewest first", () => expect(names([])).toEqual(["barge", "dinghy", "anchor"]));
  it("leaves out those without a label", () => expect(names([{ name: "disk", value: "ssd" }])).toEqual(["barge"]));
  it("takes a row in which nothing is typed for none", () => expect(names([{ name: "", value: "" }])).toHaveLength(3));
});
