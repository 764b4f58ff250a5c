import { describe, expect, it } from "vitest";
import { advance, NOTHING, part, whole, type Said } from "./progress";

const after = (...said: Said[]) => said.reduce(advance, NOTHING);

describe("advance", () => {
  it("follows a layer to its end", () => {
    const id = "a1";
    const steps: Said[] = [
      { id, status: "Pulling fs layer" },
      { id, status: "Downloading", progressDetail: { current: 25, total: 100 } },
      { id, status: "Download complete", progressDetail: {} },
      { id, status: "Extracting", progressDetail: { current: 50, total: 100 } },
      { id, status: "Pull complete" },
    ];
    expect(steps.map((_, at) => part(after(...steps.slice(0, at + 1)).layers[0]!))).toEqual([0, 0.125, 0.5, 0.75, 1]);
  });
  it("keeps layers in the order in which they were first named", () => expect(after({ id: "b", status: "Waiting" }, { id: "a", status: "Already exists" }, { id: "b", status: "Downloading" }).layers.map(({ id }) => id)).toEqual(["b", "a"]));
  it("takes the tag, which is named like a layer, for none", () => expect(after({ id: "1.29", status: "Pulling from library/nginx" })).toEqual({ layers: [], words: "Pulling from library/nginx", error: null }));
  it("keeps why it failed", () => expect(after({ error: "no space left on device" }, { status: "x" }).error).toBe("no space left on device"));
});

describe("whole", () => {
  it("counts layers by their size", () => expect(whole(after({ id: "a", status: "Downloading", progressDetail: { current: 0, total: 300 } }, { id: "b", status: "Downloading", progressDetail: { current: 0, total: 100 } }, { id: "b", status: "Pull complete" }))).toBe(0.25));
  it("is nothing before anything is known", () => expect(whole(NOTHING)).toBe(0));
});
