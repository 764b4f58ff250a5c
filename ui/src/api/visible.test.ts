import { expect, test } from "vitest";
import { parseVisible, visible, visibleText } from "./visible";

test("what is hidden is shown by its code", () => {
  expect(visibleText("invoice\u202egpj.exe")).toBe("invoice⟨202E⟩gpj.exe");
  expect(visibleText("a\u001b[2Jb\u200bc\u{e0041}")).toBe("a⟨001B⟩[2Jb⟨200B⟩c⟨E0041⟩");
});

test("what people write stays", () => {
  for (const text of ["web-1", "Grüße, 世界", "שלום", "a ❤️ b", "two\nlines\tand a tab"]) expect(visibleText(text)).toBe(text);
});

test("values keep their form", () => {
  expect(visible({ a: ["x\u202e", 1, null, true], "b\u202e": { c: undefined } })).toEqual({ a: ["x⟨202E⟩", 1, null, true], "b⟨202E⟩": { c: undefined } });
  expect(parseVisible('{"a":"\\u202e"}')).toEqual({ a: "⟨202E⟩" });
});
