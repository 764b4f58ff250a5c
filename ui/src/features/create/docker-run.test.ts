import { describe, expect, it } from "vitest";
import { readDockerRun, type Read } from "./docker-run";
import { EMPTY } from "./form";

const read = (line: string) => {
  const answer = readDockerRun(line);
  if (typeof answer === "string") throw new Error(answer);
  return answer as Read;
};
const form = (line: string) => read(line).form;

describe("readDockerRun", () => {
  it("reads the smallest line", () => expect(read("docker run nginx")).toEqual({ form: { ...EMPTY, image: "nginx" }, leftOut: [], notes: [] }));

  it("reads what people paste, over several lines", () => {
    const line = `$ sudo docker run -d \\
      --name web --restart=unless-stopped \\
      -p 8080:80 -p 127.0.0.1:8443:443/tcp -p 53:53/udp -p 9000 \\
      -e TZ=Europe/Berlin --env "GREETING=hello there" -e 'QUOTE=it'\\''s' \\
      -v data:/var/lib/data -v /etc/app:/etc/app:ro \\
      --memory 512m --cpus 1.5 --network front -l team=web --label tier=edge \\
      nginx:1.29 nginx -g "daemon off;"`;
    const { form, leftOut, notes } = read(line);
    expect({ leftOut, notes }).toEqual({ leftOut: [], notes: [] });
    expect(form).toMatchObject({
      image: "nginx:1.29",
      name: "web",
      restart: "unless-stopped",
      memory: "512m",
      cpus: "1.5",
      network: "front",
      command: "nginx -g 'daemon off;'",
      start: true,
    });
    expect(form.ports).toEqual([
      { host: "8080", container: "80", protocol: "tcp" },
      { host: "127.0.0.1:8443", container: "443", protocol: "tcp" },
      { host: "53", container: "53", protocol: "udp" },
      { host: "", container: "9000", protocol: "tcp" },
    ]);
    expect(form.env).toEqual([
      { name: "TZ", value: "Europe/Berlin" },
      { name: "GREETING", value: "hello there" },
      { name: "QUOTE", value: "it's" },
    ]);
    expect(form.volumes).toEqual([
      { source: "data", target: "/var/lib/data", options: "" },
      { source: "/etc/app", target: "/etc/app", options: "ro" },
    ]);
    expect(form.labels).toEqual([
      { name: "team", value: "web" },
      { name: "tier", value: "edge" },
    ]);
  });

  it("takes short options apart", () => {
    expect(form("docker run -dit --rm busybox sh")).toMatchObject({ tty: true, interactive: true, autoRemove: true, command: "sh" });
    expect(form("docker run -itp 80:80 -eA=1 -v=/data -m1g nginx")).toMatchObject({ tty: true, memory: "1g", env: [{ name: "A", value: "1" }], ports: [{ host: "80", container: "80", protocol: "tcp" }], volumes: [{ source: "", target: "/data", options: "" }] });
  });

  it("reads flags with a value", () => expect(form("docker run --rm=false --tty=true nginx")).toMatchObject({ autoRemove: false, tty: true }));

  it("reads the rest of the options that the form has", () => {
    expect(form("docker run --entrypoint /bin/sh --user 1000:1000 -w /src -h box --pull always --privileged alpine -c 'echo $HOME'")).toMatchObject({ entrypoint: "/bin/sh", user: "1000:1000", workdir: "/src", hostname: "box", pull: "always", privileged: true, command: "-c 'echo $HOME'" });
  });

  it("leaves the options of the command to the command", () => expect(form("docker run redis:7 redis-server --appendonly yes -p 7000")).toMatchObject({ command: "redis-server --appendonly yes -p 7000", ports: [] }));

  it("keeps an empty word of the command", () => expect(form('docker run busybox echo ""').command).toBe("echo ''"));

  it("names what it leaves out, with its value", () => {
    const { form, leftOut } = read("docker run --gpus all --init --cap-add=NET_ADMIN --ulimit nofile=1024 --health-cmd 'curl -f localhost' --nonsense 7 nginx");
    expect(leftOut).toEqual(["--gpus all", "--init", "--cap-add=NET_ADMIN", "--ulimit nofile=1024", "--health-cmd curl -f localhost", "--nonsense 7"]);
    expect(form.image).toBe("nginx");
  });

  it("reads --mount where -v can say it", () => {
    expect(form("docker run --mount type=bind,src=/a,dst=/b,readonly nginx").volumes).toEqual([{ source: "/a", target: "/b", options: "ro" }]);
    expect(read("docker run --mount type=tmpfs,target=/tmp nginx").leftOut).toEqual(["--mount type=tmpfs,target=/tmp"]);
  });

  it("says of what only the shell knows", () => {
    const { form, notes } = read('docker run -e HOME -e "P=$PASSWORD" -v ./conf:/conf nginx && docker ps');
    expect(form.env).toEqual([
      { name: "HOME", value: "" },
      { name: "P", value: "$PASSWORD" },
    ]);
    expect(notes).toHaveLength(4);
    expect(notes.join(" ")).toMatch(/HOME had its value.*\.\/conf was a folder.*\$PASSWORD is taken.*not part of it: && docker ps/);
  });

  it("does not start what docker create makes", () => expect(form("docker container create nginx").start).toBe(false));
  it("reads an address of IPv6", () => expect(form("docker run -p [::1]:80:8080 nginx").ports).toEqual([{ host: "[::1]:80", container: "8080", protocol: "tcp" }]));
  it("reads a port that Docker chooses on an address", () => expect(form("docker run -p 127.0.0.1::80 nginx").ports).toEqual([{ host: "127.0.0.1", container: "80", protocol: "tcp" }]));

  it.each([
    ["docker run -e 'A=1 nginx", "A quote has no end."],
    ["docker ps", "It does not begin with docker run."],
    ["", "It does not begin with docker run."],
    ["docker run -d --name web", "It names no image."],
    ["docker run nginx --name", null],
    ["docker run --name", "--name has no value."],
    ["docker run -p", "-p has no value."],
  ])("%s", (line, why) => {
    const answer = readDockerRun(line);
    expect(typeof answer === "string" ? answer : null).toBe(why);
  });
});
