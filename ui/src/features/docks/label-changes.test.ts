import { describe, expect, it } from "vitest";
import { changes, fromText, toText } from "./label-changes";

describe("the labels of a dock", () => {
  const labels = { site: "cellar", disk: "ssd=fast" };
  it("are lines of text, and back", () => expect(fromText(`\n ${toText(labels)}\n`)).toEqual({ labels }));
  it("have a name and a value", () => expect(["site", "=cellar", "site="].map(fromText)).toEqual([{ bad: "site" }, { bad: "=cellar" }, { bad: "site=" }]));
  it("are asked for where they change, and taken away by an empty value", () => expect(changes(labels, { site: "attic", gpu: "no" })).toEqual({ site: "attic", gpu: "no", disk: "" }));
});
