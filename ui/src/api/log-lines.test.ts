import { describe, expect, it } from "vitest";
import { KEPT, levelOf, LineParser, LineStore, type NewLine } from "./log-lines";

const bytes = (text: string) => new TextEncoder().encode(text);
const texts = (lines: NewLine[]) => lines.map((line) => line.text);
globalThis.requestAnimationFrame = (run) => setTimeout(() => run(0), 0) as unknown as number;
globalThis.cancelAnimationFrame = (id) => clearTimeout(id);
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("LineParser", () => {
  it("joins what chunks break apart, also within a character", () => {
    const whole = bytes("2026-11-28T12:00:00.250000000Z Grüße 🚢\n2026-11-28T12:00:01.000000000Z zwei\n");
    for (let cut = 1; cut < whole.length; cut++) {
      const parser = new LineParser();
      const lines = [...parser.chunk(whole.slice(0, cut), "stdout"), ...parser.chunk(whole.slice(cut), "stdout"), ...parser.end()];
      expect(texts(lines)).toEqual(["Grüße 🚢", "zwei"]);
      expect(lines[0]!.time).toBe(Date.parse("2026-11-28T12:00:00.250Z"));
    }
  });
  it("keeps the two outputs apart", () => {
    const parser = new LineParser();
    expect(texts(parser.chunk(bytes("one "), "stdout"))).toEqual([]);
    expect(texts(parser.chunk(bytes("bad\n"), "stderr"))).toEqual(["bad"]);
    expect(texts(parser.chunk(bytes("line\n"), "stdout"))).toEqual(["one line"]);
  });
  it("says what a terminal would show", () => {
    expect(texts(new LineParser().chunk(bytes("\u001b[31mred\u001b[0m\r\n 10%\r 90%\r100%\n"), "stdout"))).toEqual(["red", "100%"]);
  });
  it("gives the last line that has no end, and the time of the line before to one without", () => {
    const parser = new LineParser("web");
    const lines = [...parser.chunk(bytes("2026-11-28T12:00:00Z a\n  at b"), "stdout"), ...parser.end()];
    expect(lines.map((line) => [line.text, line.time, line.source])).toEqual([["a", Date.parse("2026-11-28T12:00:00Z"), "web"], ["  at b", Date.parse("2026-11-28T12:00:00Z"), "web"]]);
  });
});

describe("levelOf", () => {
  it.each([
    ["ERROR could not connect", "error"],
    ["[warn] token expires", "warn"],
    ["level=debug msg=\"no error\"", "debug"],
    ['{"level":"info","msg":"0 errors, no error"}', "info"],
    ["GET /errors.html 200", "info"],
  ] as const)("%s", (text, level) => expect(levelOf(text)).toBe(level));
});

describe("LineStore", () => {
  const line = (time: number, text = String(time)): NewLine => ({ time, text, stream: "stdout", level: "info" });
  it("puts the lines of several logs in order", async () => {
    const store = new LineStore();
    store.push([line(1), line(4)]);
    store.push([line(2), line(3)]);
    await settle();
    expect(store.snapshot().lines.map((one) => one.time)).toEqual([1, 2, 3, 4]);
  });
  it("drops the oldest, and says how many", async () => {
    const store = new LineStore();
    store.push(Array.from({ length: KEPT + 5_000 }, (_, at) => line(at)));
    await settle();
    expect(store.snapshot().lines).toHaveLength(KEPT);
    expect(store.snapshot().dropped).toBe(5_000);
  });
  it("puts earlier lines before the first, with numbers of their own", async () => {
    const store = new LineStore();
    store.push([line(10)]);
    await settle();
    store.unshift([line(8), line(9)]);
    await settle();
    expect(store.snapshot().lines.map((one) => one.time)).toEqual([8, 9, 10]);
    expect(new Set(store.snapshot().lines.map((one) => one.n)).size).toBe(3);
  });
});
