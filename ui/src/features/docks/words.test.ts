import { describe, expect, it } from "vitest";
import type { Dock } from "@/api/types";
import { byNeed, meanAge, runningOf, shares, silence } from "./words";

const UP: Dock = {
  name: "anchor",
  state: "up",
  reachable: true,
  daemon: "up",
  lastSeen: 900,
  lastKnown: 800,
  engineVersion: "29.1.3",
  apiVersion: "1.52",
  operatingSystem: "Debian",
  cpus: 4,
  memory: 8,
  containers: 3,
  running: 2,
  labels: {},
  workerVersion: "0.7.0",
  usage: { cpu: 12, memory: 2, memoryTotal: 8, disk: null, diskTotal: 8 },
  beats: [100, null, 300],
};
const LOST: Dock = { ...UP, name: "dinghy", state: "lost", reachable: false, daemon: null };

describe("a dock", () => {
  it("that answers is not silent", () => expect(silence(UP)).toBeNull());
  it.each([
    [LOST, { what: "dinghy does not answer.", last: "Last heartbeat", since: 900 }],
    [{ ...UP, reachable: false, daemon: "down" as const }, { what: "Docker does not answer on anchor.", last: "Last known", since: 800 }],
    [{ ...LOST, state: "stopped" as const }, { what: "The worker of dinghy was stopped.", last: "Last heartbeat", since: 900 }],
    [{ ...LOST, state: "never seen" as const, lastSeen: null }, { what: "dinghy was never heard.", last: "Last heartbeat", since: null }],
  ])("says why nothing new is known of it: %o", (dock, words) => expect(silence(dock)).toEqual(words));
  it("never has zero of what is not known", () => {
    expect([runningOf(UP), runningOf(LOST)]).toEqual(["2", "?"]);
    expect(shares(UP.usage)).toEqual({ cpu: 12, memory: 25, disk: null });
    expect(shares(null)).toEqual({ cpu: null, memory: null, disk: null });
    expect([meanAge(UP.beats), meanAge([null])]).toEqual([200, null]);
  });
  it("that does not answer stands first", () => expect(byNeed([UP, LOST]).map(({ name }) => name)).toEqual(["dinghy", "anchor"]));
});
