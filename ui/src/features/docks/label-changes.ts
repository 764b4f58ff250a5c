// The labels of a dock as lines of text, and what has to be asked for to make them others.
export const toText = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");

/** The labels, or the first line that is none. */
export function fromText(text: string): { labels: Record<string, string> } | { bad: string } {
  const labels: Record<string, string> = {};
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (!line) continue;
    const at = line.indexOf("=");
    if (at < 1 || at === line.length - 1) return { bad: line };
    labels[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return { labels };
}

/** Those that are new or have another value; an empty value takes one away. */
export function changes(from: Record<string, string>, to: Record<string, string>): Record<string, string> {
  const set = Object.entries(to).filter(([name, value]) => from[name] !== value);
  const taken = Object.keys(from)
    .filter((name) => !(name in to))
    .map((name): [string, string] => [name, ""]);
  return Object.fromEntries([...set, ...taken]);
}
