import { describe, expect, it } from "vitest";
import type { RequestStatus } from "@/api/types";
import { isSlow, ofTab, outcome, sentence, title, together } from "./outcome";

const SENT = ofTab({ requestId: "a1", action: "stop-container", about: "9c3f", name: "web", at: 1_000, slow: false }, "ada");
const said = (fields: Partial<RequestStatus>, now = 2_000) => {
  const request = { ...SENT, ...fields };
  const slow = isSlow(request, now);
  return [outcome(request, slow).label, sentence(request, slow)];
};

describe("a request", () => {
  it("is in flight, and after ten seconds without an answer", () => {
    expect(said({})).toEqual(["In flight", null]);
    expect(said({}, 12_000)).toEqual(["No answer yet", "It was sent, and nothing is known of its end yet. It may still be done."]);
  });
  it.each([
    [{ state: "done", status: 204 }, ["Done", null]],
    [{ state: "failed", status: 403, error: "forbidden", message: "web belongs to bob" }, ["Refused", "web belongs to bob"]],
    [{ state: "failed", status: 499, error: "cancelled", message: "cancelled" }, ["Cancelled", null]],
    [{ state: "failed", status: 504, error: "timeout" }, ["Failed", "no answer in time"]],
    [{ state: "lost" }, ["Lost", "Nothing is known of how it ended."]],
  ] as [Partial<RequestStatus>, [string, string | null]][])("ends: %o", (fields, words) => expect(said(fields, 99_000)).toEqual(words));
  it("has a title", () => {
    expect(title(SENT)).toBe("Stop web");
    expect(title({ ...SENT, action: "remove-network", name: null, about: "inner" })).toBe("Remove network inner");
    expect(title({ ...SENT, action: null, requestId: "0123456789" })).toBe("Request 01234567");
  });
  it("of this tab is told once", () => expect(together([SENT, { ...SENT, requestId: "b2" }], [SENT]).map(({ requestId }) => requestId)).toEqual(["b2", "a1"]));
});
