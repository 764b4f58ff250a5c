import { describe, expect, it } from "vitest";
import { summary } from "./summary";

describe("summary", () => {
  it("bears whatever is absent", () => {
    expect(summary({})).toMatchObject({ id: "", command: "", created: null, restart: "no", ports: [], env: [] });
  });
  it("says the command as one would type it", () => {
    expect(summary({ Path: "sh", Args: ["-c", "echo 'a b'"] }).command).toBe(String.raw`sh -c 'echo '\''a b'\'''`);
  });
  it("keeps what is after the first sign of equality", () => {
    expect(summary({ Config: { Env: ["B=x=y", "A="] } }).env).toEqual([["A", ""], ["B", "x=y"]]);
  });
  it("says of ports and mounts where they lead", () => {
    const of = summary({
      NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "443/tcp": null } },
      Mounts: [{ Type: "volume", Name: "data", Destination: "/data", RW: false }, { Type: "bind", Source: "/srv", Destination: "/srv", RW: true }],
      State: { StartedAt: "0001-01-01T00:00:00Z" },
    });
    expect(of.ports).toEqual([["80/tcp", "0.0.0.0:8080"], ["443/tcp", "not published"]]);
    expect(of.mounts).toEqual([["/data", "volume data, read only"], ["/srv", "/srv"]]);
    expect(of.started).toBeNull();
  });
});
