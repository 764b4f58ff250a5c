// A command line as words, the way a POSIX shell splits it, and back.

export interface Split {
  words: string[];
  /** What the shell would have put in the place of, such as `$HOME`; it is kept as it stands. */
  variables: string[];
  /** Where a further command begins, such as `&& docker logs`: it is left out. */
  rest: string;
}

const OPERATORS = new Set(["|", "&", ";", "<", ">"]);
const VARIABLE = /^\$(\{\w+\}|\w+|\([^)]*\))/;

/** Splits a line; null where a quote has no end. */
export function split(line: string): Split | null {
  const words: string[] = [];
  const variables: string[] = [];
  let word: string | null = null;
  let quote = "";
  const variable = (at: number) => {
    const found = VARIABLE.exec(line.slice(at));
    if (found) variables.push(found[0]);
  };
  for (let at = 0; at < line.length; at++) {
    const c = line[at]!;
    const next = line[at + 1] ?? "";
    if (quote === "'") {
      if (c === "'") quote = "";
      else word += c;
    } else if (c === "\\") {
      at++;
      const continued = next === "\n" || (next === "\r" && line[at + 1] === "\n");
      if (next === "\r" && continued) at++;
      // Within double quotes a backslash means something before these only.
      if (!continued && next) word = (word ?? "") + (quote && !'"\\$`'.includes(next) ? c + next : next);
    } else if (quote) {
      if (c === quote) quote = "";
      else word += c;
      if (c === "$") variable(at);
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (OPERATORS.has(c)) {
      if (word !== null) words.push(word);
      return { words, variables, rest: line.slice(at).trim() };
    } else if (c === "#" && word === null) {
      while (at + 1 < line.length && line[at + 1] !== "\n") at++;
    } else {
      if (c === "$") variable(at);
      word = (word ?? "") + c;
    }
  }
  if (quote) return null;
  if (word !== null) words.push(word);
  return { words, variables, rest: "" };
}

const PLAIN = /^[\w@%+=:,./-]+$/;

/** Words as one line that splits into them again. */
export const join = (words: string[]) => words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
