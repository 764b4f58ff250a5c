// Reads JSON and says where the first fault is: browsers do not, or each in its own way.

export type Read = { value: unknown } | { fault: string; line: number; column: number };

class Fault extends Error {
  constructor(
    message: string,
    public at: number,
  ) {
    super(message);
  }
}

const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
// oxlint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

/** Only finds faults; the value is the browser's own. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  whole() {
    this.value();
    this.skip(SPACE);
    if (this.at < this.text.length) throw this.fault("nothing may follow");
  }

  private skip(what: RegExp): boolean {
    what.lastIndex = this.at;
    const found = what.exec(this.text);
    if (found) this.at += found[0].length;
    return !!found;
  }

  private fault(message: string) {
    const there = this.text[this.at];
    return new Fault(there === undefined ? `it ends where ${message}` : `${message}, not ${JSON.stringify(there)}`, this.at);
  }

  private is(letter: string): boolean {
    this.skip(SPACE);
    if (this.text[this.at] !== letter) return false;
    this.at++;
    return true;
  }

  private value(): void {
    if (this.is("{")) return this.rest("}", () => this.member());
    if (this.is("[")) return this.rest("]", () => this.value());
    if (this.skip(STRING) || this.skip(NUMBER) || this.skip(WORD)) return;
    if (this.text[this.at] === '"') throw new Fault("this text has no end, or a letter that must be escaped", this.at);
    throw this.fault("a value is expected");
  }

  private member() {
    this.skip(SPACE);
    if (!this.skip(STRING)) throw this.fault('a name in " is expected');
    if (!this.is(":")) throw this.fault("a : is expected");
    this.value();
  }

  /** What is between the brackets. */
  private rest(end: string, one: () => void) {
    if (this.is(end)) return;
    do one();
    while (this.is(","));
    if (!this.is(end)) throw this.fault(`a , or ${end} is expected`);
  }
}

export function readJson(text: string): Read {
  try {
    new Scanner(text).whole();
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    const at = error instanceof Fault ? error.at : text.length;
    const before = text.slice(0, at).split("\n");
    return { fault: (error as Error).message, line: before.length, column: before.at(-1)!.length + 1 };
  }
}

/** What a template must be: an object in Docker's create-container syntax. */
export function readTemplate(text: string): Read {
  const read = readJson(text);
  if ("fault" in read) return read;
  const object = read.value !== null && typeof read.value === "object" && !Array.isArray(read.value);
  return object ? read : { fault: "a template is an object, in { }", line: 1, column: 1 };
}
