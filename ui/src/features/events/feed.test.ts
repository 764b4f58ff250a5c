import { describe, expect, it } from "vitest";
import type { ClusterEvent } from "@/api/types";
import { broken, byMinute, byPlace, EMPTY, fits, segments, withLive, withPage, type Feed } from "./feed";

const event = (time: number, fields: Partial<ClusterEvent> = {}) => ({ at: `${time}-0`, time, event: "instance-running", name: "web", dock: "anchor", user: null, ...fields }) as ClusterEvent;
const page = (...times: number[]) => times.map((time) => event(time));
const times = (feed: Feed) => feed.events.map(({ time }) => time);

describe("a feed of events", () => {
  const known = withPage(EMPTY, page(50, 40), true);

  it("grows at both ends, and has each event once", () => {
    const grown = withPage(withLive(withLive(known, event(60)), event(60)), page(40, 30), false);
    expect(times(grown)).toEqual([60, 50, 40, 30]);
    expect([known.more, grown.more]).toEqual([true, false]);
  });
  it("knows that there are older ones, whatever a page of the newest says", () => expect(withPage(known, page(70, 60), true).more).toBe(true));
  it("orders by place, not by text", () => expect(["9-10", "10-0", "9-9"].sort(byPlace)).toEqual(["9-9", "9-10", "10-0"]));

  it("has a gap where it was broken off, until a page reaches over it", () => {
    const gone = broken(known);
    expect(gone.gaps).toEqual([{ below: "50-0", closed: false }]);
    const short = withPage(gone, page(90, 80), true);
    expect(short.gaps[0]!.closed).toBe(false);
    expect(withPage(short, page(80, 70, 50), true).gaps[0]!.closed).toBe(true);
  });
  it("has no gap where nothing was known, and one where it was broken off twice", () => {
    expect(broken(EMPTY).gaps).toEqual([]);
    expect(broken(broken(known)).gaps).toHaveLength(1);
  });

  it("is in segments between its gaps", () => {
    const gap = { below: "50-0", closed: true };
    expect(segments(page(70, 50, 40), [gap]).map((each) => [each.gap, each.events.length])).toEqual([
      [null, 1],
      [gap, 2],
    ]);
    expect(segments(page(50), [gap]).map((each) => each.gap)).toEqual([gap]);
    expect(segments(page(50), [])).toHaveLength(1);
  });

  it("takes in what fits", () => {
    const lost = event(1, { event: "dock-lost", dock: "dinghy", name: null });
    expect([{ kind: "dock" }, { kind: "request,dock-l" }, { dock: "dinghy" }, { q: "ding lost" }, {}].map((filter) => fits(lost, filter))).toEqual([true, true, true, true, true]);
    expect([{ kind: "instance" }, { dock: "anchor" }, { who: "ada" }, { q: "ding back" }].map((filter) => fits(lost, filter))).toEqual([false, false, false, false]);
  });
  it("is told by the minute", () => {
    expect(byMinute(page(120_500, 120_000, 119_999)).map(({ start, events }) => [start, events.length])).toEqual([
      [120_000, 2],
      [60_000, 1],
    ]);
  });
});
