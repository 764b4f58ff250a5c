import { describe, expect, it } from "vitest";
import { readJson, readTemplate } from "./json";

describe("readJson", () => {
  it.each(["{}", "[]", '{"a": [1, -2.5e3, true, null, "x\\n\\u00e9"], "b": {}}', ' \n"text" ', "0"])("reads %s", (text) => expect(readJson(text)).toEqual({ value: JSON.parse(text) }));
  it.each([
    ['{\n  "Image": "nginx",\n}', 3, 1, 'a name in " is expected, not "}"'],
    ['{"a" 1}', 1, 6, 'a : is expected, not "1"'],
    ['{"a": 1\n "b": 2}', 2, 2, 'a , or } is expected, not "\\""'],
    ['{"a": [1, 2}', 1, 12, 'a , or ] is expected, not "}"'],
    ['{"a": }', 1, 7, 'a value is expected, not "}"'],
    ['{"a": 1', 1, 8, "it ends where a , or } is expected"],
    ['{"a": "x', 1, 7, "this text has no end, or a letter that must be escaped"],
    ["{} {}", 1, 4, 'nothing may follow, not "{"'],
    ["", 1, 1, "it ends where a value is expected"],
    ["{'a': 1}", 1, 2, "a name in \" is expected, not \"'\""],
    ["[01]", 1, 3, 'a , or ] is expected, not "1"'],
  ])("finds the fault in %s", (text, line, column, fault) => expect(readJson(text)).toEqual({ fault, line, column }));
  it("agrees with the browser on what is JSON", () => {
    for (const text of ["tru", "+1", "1.", ".5", "nul", '"\t"', "[,]", "[1,]", '{"a":1,}', "NaN", '"\\x"']) {
      expect("fault" in readJson(text), text).toBe(true);
      expect(() => JSON.parse(text) as unknown, text).toThrow();
    }
  });
});

describe("readTemplate", () => {
  it("is an object", () => expect(["{}", "[]", "null", "1"].map((text) => "fault" in readTemplate(text))).toEqual([false, true, true, true]));
});
