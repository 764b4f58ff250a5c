import { describe, expect, it } from "vitest";
import type { ImageRow, Instance } from "@/api/types";
import { fits, fullName, groupImages, isCalled, isDangling, nameOf } from "./group";

const image = (dock: string, id: string, tags: string[], digests: string[] = []): ImageRow => ({ dock, id: `sha256:${id.padEnd(64, "0")}`, tags, digests, size: 1, created: 1, labels: {} });
const instance = (dock: string, name: string, image: string) => ({ id: name, name, dock, image }) as Instance;

describe("fullName", () => {
  it.each([
    ["nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.29", "docker.io/library/nginx:1.29"],
    ["grafana/loki:3.6", "docker.io/grafana/loki:3.6"],
    ["ghcr.io/a/b", "ghcr.io/a/b:latest"],
    ["localhost:5000/a", "localhost:5000/a:latest"],
    ["localhost/a:1", "localhost/a:1"],
    ["docker.io/library/nginx:latest", "docker.io/library/nginx:latest"],
    ["nginx@sha256:ab", "docker.io/library/nginx@sha256:ab"],
  ])("%s is %s", (name, full) => expect(fullName(name)).toBe(full));
});

describe("isCalled", () => {
  const one = image("a", "1f2e3d4c5b6a", ["nginx:latest"], ["nginx@sha256:ab12"]);
  it.each(["nginx", "docker.io/library/nginx", "sha256:1f2e3d4c5b6a", "1f2e3d4c5b6a", "nginx@sha256:ab12"])("by %s", (name) => expect(isCalled(one, name)).toBe(true));
  it.each(["nginx:1", "other/nginx", "1f2e3d4c5b6b"])("not by %s", (name) => expect(isCalled(one, name)).toBe(false));
});

describe("groupImages", () => {
  it("puts together what has the same id, or the same digest", () => {
    const rows = [image("a", "1", ["nginx:1"]), image("b", "2", ["nginx:1"], ["nginx@sha256:d"]), image("c", "1", ["web:1"], ["nginx@sha256:d"]), image("a", "9", [])];
    const groups = groupImages(rows, []);
    expect(groups.map((group) => [group.rows.map((row) => row.dock), group.tags])).toEqual([
      [["a", "b", "c"], ["nginx:1", "web:1"]],
      [["a"], []],
    ]);
    expect(groups.map(isDangling)).toEqual([false, true]);
  });
  it("says which name means something else elsewhere", () => expect(groupImages([image("a", "1", ["nginx:1", "mine:1"]), image("b", "2", ["nginx:1"])], []).map(({ differs }) => differs)).toEqual([["nginx:1"], ["nginx:1"]]));
  it("knows who uses it, on that dock only", () => {
    const [group] = groupImages([image("a", "1", ["nginx:latest"])], [instance("a", "web", "nginx"), instance("b", "elsewhere", "nginx"), instance("a", "db", "redis")]);
    expect(group!.users.map(({ name }) => name)).toEqual(["web"]);
  });
});

describe("a group", () => {
  const [dangling] = groupImages([image("a", "1f2e", [], ["nginx@sha256:d"])], []);
  it("has the name that it had, once it has none", () => expect(nameOf(dangling!)).toBe("nginx"));
  it("is found by any of its words", () => expect(["dangling", "nginx 1f2e", "redis"].map((words) => fits(dangling!, words))).toEqual([true, true, false]));
});
