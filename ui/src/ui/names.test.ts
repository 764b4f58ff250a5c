import { describe, expect, it } from "vitest";
import type { ClusterEvent } from "@/api/types";
import { nameIn, ofEvents } from "./names";

describe("the names of instances", () => {
  const event = (event: string, id: string | null, name: string | null) => ({ event, id, name }) as ClusterEvent;
  it("are the newest that events tell, the newest being first; those of requests are others", () =>
    expect(ofEvents([event("request", "a", "asked"), event("instance-renamed", "a", "new"), event("instance-created", "a", "old"), event("dock-lost", null, null)])).toEqual({ a: "new" }));
  it("stand in for what is not told", () => expect([nameIn({ a: "web" }, { id: "a", name: null }), nameIn({ a: "web" }, { id: "a", name: "x" }), nameIn({}, { id: "a", name: null }), nameIn({}, { id: null, name: null })]).toEqual(["web", "x", null, null]));
});
