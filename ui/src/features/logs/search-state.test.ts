import { describe, expect, it } from "vitest";
import type { Search } from "@/api/types";
import { answers, BEGUN, hits, take } from "./search-state";

const line = (time: number) => ({ time, stream: "stdout" as const, text: `line ${time}` });
const plan: Search = { type: "plan", containers: 4, leftOut: 2, docks: { anchor: 2, barge: 1, coral: 1 } };
const failed = (dock: string, name: string): Search => ({ type: "failed", dock, id: name, name, message: `${dock} does not answer` });
const after = (...lines: Search[]) => lines.reduce(take, BEGUN);

describe("answers", () => {
  it("says which docks did not, and which did in part", () => {
    expect(answers(after(plan, failed("coral", "a"), failed("anchor", "b")))).toEqual({
      asked: 3,
      answered: 2,
      silent: [{ dock: "coral", message: "coral does not answer" }],
      partly: [{ dock: "anchor", missed: [{ dock: "anchor", id: "b", name: "b", message: "anchor does not answer" }] }],
    });
  });
  it("knows of nobody before the plan", () => expect(answers(BEGUN)).toEqual({ asked: 0, answered: 0, silent: [], partly: [] }));
});

describe("hits", () => {
  it("are all lines, the newest first", () => {
    const found = (name: string, ...times: number[]): Search => ({ type: "found", dock: "anchor", id: name, name, lines: times.map(line), truncated: false });
    expect(hits(after(plan, found("a", 1, 3), found("b", 2))).map(({ name, time }) => [name, time])).toEqual([
      ["a", 3],
      ["b", 2],
      ["a", 1],
    ]);
  });
});

describe("take", () => {
  it("leaves out of lines what is for terminals", () => {
    const coloured = { ...line(1), text: "\u001b[31mERROR\u001b[0m no db" };
    const [hit] = hits(after(plan, { type: "found", dock: "anchor", id: "a", name: "a", lines: [coloured], truncated: false }));
    expect(hit?.text).toBe("ERROR no db");
  });
  it("keeps what was left out, and that it is over", () => expect(after(plan, { type: "done", answered: 3, asked: 4 })).toMatchObject({ containers: 4, leftOut: 2, answered: 3 }));
});
