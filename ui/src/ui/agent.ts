// What a browser or program calls itself, in a few words: `Firefox on Linux`.

const BROWSERS: [RegExp, string][] = [
  [/\bEdg\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\//, "Firefox"],
  [/Chrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\b(iPhone|iPad)\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\b(Linux|X11)\b/, "Linux"],
];

const known = (agent: string, names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(agent))?.[1];

export function shortAgent(agent: string): string {
  const browser = known(agent, BROWSERS);
  const system = known(agent, SYSTEMS);
  if (browser) return system ? `${browser} on ${system}` : browser;
  return agent.split(/[ (]/)[0] || agent;
}
