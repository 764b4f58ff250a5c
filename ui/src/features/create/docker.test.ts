import { describe, expect, it } from "vitest";
import { fromDocker, fromInspect, toDocker } from "./docker";
import { readDockerRun, type Read } from "./docker-run";
import { EMPTY } from "./form";

describe("a template", () => {
  it("comes back as the form that it was made of", () => {
    const { form } = readDockerRun("docker run -it --rm -p 127.0.0.1:8080:80 -p 53:53/udp -p 9000 -e A=1 -v data:/d:ro -v /anon -l a=b -m 512m --cpus 1.5 --network front -u 1000 -w /w -h box --entrypoint /bin/sh nginx:1.29 -c 'echo hi'") as Read;
    expect(fromDocker(toDocker(form))).toEqual({ form, leftOut: [] });
  });
  it("keeps how often something is restarted", () => {
    const form = { ...EMPTY, image: "nginx", restart: "on-failure:3" };
    expect(fromDocker(toDocker(form)).form.restart).toBe("on-failure:3");
  });
  it("says nothing of what was not typed", () => expect(toDocker({ ...EMPTY, image: "nginx" })).toEqual({ Image: "nginx" }));
});

describe("an inspected container", () => {
  const container = {
    Id: "1f2e3d4c5b6a7988",
    Config: { Image: "nginx:1.29", Hostname: "1f2e3d4c5b6a", Env: ["PATH=/bin", "A=1"], Cmd: ["nginx"], Labels: { "deblox.owner": "ada", maintainer: "x", team: "web" }, Healthcheck: { Test: ["CMD", "true"] }, AttachStdout: true },
    HostConfig: { NetworkMode: "default", RestartPolicy: { Name: "always", MaximumRetryCount: 0 }, Memory: 536870912, CapAdd: ["NET_ADMIN"], ShmSize: 67108864, PortBindings: { "80/tcp": [{ HostIp: "::1", HostPort: "8080" }] } },
  };
  const image = { Config: { Env: ["PATH=/bin"], Cmd: ["nginx"], Labels: { maintainer: "x" } } };
  it("is told apart from its image and from deblox", () => {
    expect(fromInspect(container, image)).toEqual({
      form: { ...EMPTY, image: "nginx:1.29", env: [{ name: "A", value: "1" }], labels: [{ name: "team", value: "web" }], restart: "always", memory: "512m", ports: [{ host: "[::1]:8080", container: "80", protocol: "tcp" }] },
      leftOut: ["Healthcheck", "CapAdd"],
    });
  });
});
