import { describe, expect, it } from "vitest";
import { Lines, objects } from "./ndjson";

const bytes = (text: string) => new TextEncoder().encode(text);
const body = (...pieces: Uint8Array<ArrayBuffer>[]) => new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (controller) => (pieces.forEach((piece) => controller.enqueue(piece)), controller.close()) });
const all = async (...pieces: Uint8Array<ArrayBuffer>[]) => {
  const found = [];
  for await (const one of objects(body(...pieces))) found.push(one);
  return found;
};

describe("objects", () => {
  it("puts lines together that are cut anywhere, in letters too", async () => {
    const whole = bytes('{"a":"Grüße"}\r\n\n{"a":2}\n{"a":3}');
    for (let at = 0; at <= whole.length; at++) expect(await all(whole.slice(0, at), whole.slice(at))).toEqual([{ a: "Grüße" }, { a: 2 }, { a: 3 }]);
  });
  it("has nothing to say of nothing", async () => expect(await all()).toEqual([]));
  it("lets go of a stream that is read no further", async () => {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: (controller) => controller.enqueue(bytes("{}\n")), cancel: () => void (cancelled = true) });
    for await (const _ of objects(endless)) break;
    expect(cancelled).toBe(true);
  });
});

describe("Lines", () => {
  it("gives whole lines only, and the rest at the end", () => {
    const lines = new Lines();
    expect([lines.push(bytes("a\nb")), lines.push(bytes("c\n")), lines.push(bytes("d")), lines.rest(), lines.rest()]).toEqual([["a"], ["bc"], [], ["d"], []]);
  });
});
