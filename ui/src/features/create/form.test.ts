import { describe, expect, it } from "vitest";
import { blamed, check, EMPTY, toRequest, type Form } from "./form";
import { join, split } from "./words";

const form = (some: Partial<Form>): Form => ({ ...EMPTY, image: "nginx", ...some });

describe("toRequest", () => {
  it("sends what was typed and nothing else", () => expect(toRequest(form({}))).toEqual({ image: "nginx", start: true }));
  it("writes lists as the action reads them", () => {
    const request = toRequest(
      form({
        ports: [
          { host: "127.0.0.1:80", container: "80", protocol: "udp" },
          { host: "", container: "", protocol: "tcp" },
        ],
        volumes: [{ source: "", target: "/data", options: "ro" }],
        env: [{ name: "A", value: "1=2" }],
        command: "sh -c 'sleep 1'",
        cpus: "1.5",
        instances: "3",
      }),
    );
    expect(request).toEqual({ image: "nginx", ports: ["127.0.0.1:80:80/udp"], volumes: ["/data"], env: ["A=1=2"], cmd: ["sh", "-c", "sleep 1"], cpus: 1.5, instances: 3, start: true });
  });
  it("asks for labels only where the cluster picks", () => {
    const dockLabels = [{ name: "disk", value: "ssd" }];
    expect(toRequest(form({ dockLabels }))).toMatchObject({ "dock-labels": ["disk=ssd"] });
    expect(toRequest(form({ dockLabels, dock: "anchor" }))).not.toHaveProperty("dock-labels");
  });
  it("turns off what a template has turned on", () => expect(toRequest(form({}), "web")).toMatchObject({ template: "web", tty: false, restart: "no" }));
});

describe("check", () => {
  it("has nothing to say of the least", () => expect(check(form({}))).toEqual({}));
  it("needs an image, unless a template has one", () => expect([check(form({ image: "" })), check(form({ image: "" }), "web")]).toEqual([{ image: "Which image?" }, {}]));
  it("names the row", () => {
    const wrong = check(
      form({
        ports: [
          { host: "80", container: "80", protocol: "tcp" },
          { host: "x", container: "80", protocol: "tcp" },
          { host: "1-3", container: "1-2", protocol: "tcp" },
        ],
        env: [{ name: "", value: "1" }],
        volumes: [
          { source: "a", target: "b", options: "" },
          { source: "./a", target: "/b", options: "" },
        ],
        labels: [{ name: "deblox.owner", value: "me" }],
      }),
    );
    expect(Object.keys(wrong)).toEqual(["ports.1", "ports.2", "env.0", "volumes.0", "volumes.1", "labels.0"]);
  });
  it.each([
    ["name", "-web"],
    ["memory", "lots"],
    ["cpus", "0"],
    ["instances", "1001"],
    ["restart", "sometimes"],
    ["command", "sh -c 'oh"],
  ])("%s may not be %s", (field, value) => expect(Object.keys(check(form({ [field]: value })))).toEqual([field]));
});

describe("blamed", () => {
  it.each([
    ["bad-field", "field `cmd` is not valid: it is empty", "command"],
    ["bad-field", "field `pull` is not valid", "pull"],
    ["conflict", 'Conflict. The container name "/web" is already in use by container "1f"', "name"],
    ["conflict", "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated", "ports"],
    ["pull-failed", "manifest unknown", "image"],
    ["no-dock", "no live dock fits", "dock"],
    ["internal", "a fault", null],
  ])("%s: %s", (code, message, field) => expect(blamed(code, message)).toBe(field));
});

describe("words", () => {
  it("come back as they were", () => {
    const words = ["sh", "-c", "echo \"it's\" $HOME", "", "a b", "back\\slash", "x=1"];
    expect(split(join(words))?.words).toEqual(words);
  });
  it("keep a backslash in double quotes before what it does not quote", () => expect(split('"a\\d\\"" \\ b')?.words).toEqual(['a\\d"', " b"]));
});
