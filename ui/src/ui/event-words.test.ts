import { describe, expect, it } from "vitest";
import type { ClusterEvent } from "@/api/types";
import { eventWords } from "./event-words";

const NOTHING: ClusterEvent = {
  at: "1-0",
  time: 1,
  event: "request",
  dock: null,
  id: null,
  name: null,
  image: null,
  owner: null,
  was: null,
  user: null,
  token: null,
  action: null,
  about: null,
  requestId: null,
  status: null,
  error: null,
  took: null,
  address: null,
  redisUser: null,
  repeated: null,
  change: null,
  begun: false,
  exitCode: null,
  lastSeen: null,
};
const told = (fields: Partial<ClusterEvent>) => {
  const { text, level } = eventWords({ ...NOTHING, ...fields });
  return `${level}: ${text}`;
};

describe("the words of events", () => {
  it.each([
    [{ event: "dock-lost", dock: "dinghy" }, "bad: dinghy stopped answering"],
    [{ event: "dock-back", dock: "dinghy" }, "good: dinghy answers again"],
    [{ event: "dock-stopped", dock: "dinghy" }, "warn: the worker of dinghy was stopped"],
    [{ event: "instance-running", name: "web" }, "good: web started"],
    [{ event: "instance-created", name: "web", owner: "ada" }, "info: web was created for ada"],
    [{ event: "instance-exited", name: "web", exitCode: 0 }, "info: web stopped"],
    [{ event: "instance-exited", name: "web" }, "info: web exited"],
    [{ event: "instance-exited", name: "web", exitCode: 1 }, "bad: web exited with code 1"],
    [{ event: "instance-restarting", name: "web", exitCode: 137 }, "warn: web exited with code 137 and is being restarted"],
    [{ event: "instance-removed", id: "9c3f".repeat(16) }, "info: 9c3f9c3f9c3f was removed"],
    [{ event: "instance-hibernating", name: "web" }, "info: web is hibernating"],
    [{ event: "tide-turned" }, "info: tide turned"],
  ])("tells of %o", (event, words) => expect(told(event)).toBe(words));

  it.each([
    [{ user: "ada", action: "stop-container", name: "web", status: 204 }, "info: ada stopped web"],
    [{ user: "ada", token: "ci", action: "delete-container", about: "9c3f".repeat(16), status: 204 }, "info: ada (token ci) removed 9c3f9c3f9c3f"],
    [{ user: "ada", action: "tag-image", about: `sha256:${"7e03".repeat(16)}`, status: 201 }, "info: ada tagged 7e037e037e03"],
    [{ user: "ada", action: "rename-container", name: "web", id: "9c3f".repeat(16), status: 204 }, "info: ada renamed 9c3f9c3f9c3f to web"],
    [{ user: "bob", action: "create-container", about: "nginx", status: 403, error: "quota-exceeded" }, "warn: bob: create nginx was refused (quota)"],
    [{ action: "stop-container", name: "web", status: 401, error: "unauthenticated" }, "warn: somebody: stop web was refused (not logged in)"],
    [{ user: "ada", action: "restart-container", name: "web", status: 503, error: "dock-lost" }, "bad: ada: restart web failed (the dock was lost)"],
    [{ user: "ada", action: "exec-container", name: "web", status: 499, error: "cancelled" }, "info: ada: exec web was cancelled"],
    [{ user: "ada", action: "login", status: 200 }, "info: ada logged in"],
    [{ user: "ada", action: "login", address: "192.0.2.7", status: 401, error: "denied" }, "warn: ada: login from 192.0.2.7 was refused (denied)"],
    [{ address: "192.0.2.7", action: "login", status: 401, error: "denied", repeated: 40 }, "warn: somebody: login from 192.0.2.7 was refused (denied), 40 times"],
    [{ redisUser: "boss", action: "change-user", about: "bob", change: "role=admin", status: 200 }, "info: boss (Redis) changed the user bob: role=admin"],
    [{ user: "ada", action: "exec-container", name: "web", begun: true }, "info: ada ran a command in web, which goes on"],
    [{ user: "ada", action: "tow-container", name: "web", status: 200 }, "info: ada did tow-container to web"],
  ])("tells of the request %o", (event, words) => expect(told(event)).toBe(words));
});
