// Images from a real registry, in the network of the lab: pulled with the progress of each layer, and put in the place of an
// older one.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { field, fromMenu, gone, row } from "./screen.mjs";
import { freePort, LAB, ROOT, until, World } from "./world.mjs";

const MB = 1_000_000;
/** A cable that lets three megabytes through in a few seconds. */
const RATE = "8mbit";

let world;
let address;
let server;
before(async () => {
  world = await World.start();
  address = world.registry = `${process.env.DEBLOX_LAB_NET ?? "10.77.0"}.1:${await freePort()}`;
  const folder = join(world.folder, "registry");
  mkdirSync(folder);
  writeFileSync(join(folder, "config.yml"), JSON.stringify({ version: 0.1, storage: { filesystem: { rootdirectory: folder } }, http: { addr: address } }));
  // The process itself is to be ended, and not what starts it in the lab.
  const run = 'echo $$ >"$0/pid" && exec docker-registry serve "$0/config.yml"';
  server = spawn(join(ROOT, "scripts/lab.sh"), ["in", "lab", "sh", "-c", run, folder], { env: { ...process.env, DEBLOX_LAB: LAB }, stdio: "ignore" });
  server.pidFile = join(folder, "pid");
});
after(async () => {
  if (server) {
    const ended = new Promise((done) => server.once("exit", done));
    execFileSync("kill", ["-s", "KILL", readFileSync(server.pidFile, "utf8").trim()]);
    await ended;
  }
  await world?.stop();
});

/** Sends an image to the registry: busybox, with one layer of each size that nobody can compress. No daemon keeps it. */
async function inRegistry(tag, ...sizes) {
  const name = `${address}/harbour:${tag}`;
  const folder = join(world.folder, tag);
  mkdirSync(folder);
  sizes.forEach((size, n) => writeFileSync(join(folder, `${n}`), randomFillSync(Buffer.alloc(size))));
  writeFileSync(join(folder, "Dockerfile"), ["FROM busybox", ...sizes.map((_, n) => `COPY ${n} /${n}`)].join("\n"));
  execFileSync("docker", ["--host", world.daemon(0), "build", "-q", "-t", name, folder], { env: { ...process.env, DOCKER_BUILDKIT: "0" }, stdio: "pipe" });
  await until("it is in the registry", () => world.docker(0, "push", "-q", name));
  world.docker(0, "rmi", name);
  return name;
}

test("a pull to two docks shows each layer as it comes", async () => {
  const image = await inRegistry("slow", 2 * MB, MB);
  const page = await world.page("admin", { path: "/images" });
  await page.getByRole("button", { name: "Pull image" }).click();
  const sheet = page.getByRole("dialog", { name: "Pull an image" });
  await field(sheet, "Image").fill(image);
  for (const dock of world.docks) await sheet.getByLabel(dock).check();
  for (const host of ["h1", "h2"]) world.lab("rate", host, RATE);
  try {
    await sheet.getByRole("button", { name: "Pull to 2 docks" }).click();
    for (const dock of world.docks) {
      const layers = sheet.getByRole("list", { name: `Layers on ${dock}` }).getByRole("progressbar");
      const shares = async () => (await layers.evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("aria-valuenow"))))).some((share) => share > 0 && share < 100);
      await until(`a layer is on its way to ${dock}`, shares);
    }
  } finally {
    for (const host of ["h1", "h2"]) world.lab("heal", host);
  }
  for (const dock of world.docks) await sheet.getByRole("list", { name: "Pulls" }).getByRole("listitem").filter({ hasText: dock }).getByText("Done", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await gone(sheet);
  await field(page, "Filter images").fill("harbour");
  const listed = row(page, image);
  for (const dock of world.docks) await listed.getByText(dock).waitFor();
  for (const n of [0, 1]) assert.match(world.docker(n, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"), new RegExp(`^${image}$`, "m"));
  await world.close(page);
});

test("a container is recreated from a newer image, and keeps its name and what it was given", async () => {
  const [old, newer] = [await inRegistry("1", 1_000), await inRegistry("2", 2_000)];
  const name = `${world.unique}-berth`;
  world.docker(0, "pull", "-q", old);
  const before = await world.container("ada", name, "anchor.test", { image: old, env: ["TIDE=high"] });
  const page = await world.page("ada", { path: "/containers" });
  const line = row(page, name);
  await line.getByText(old).waitFor();
  await fromMenu(page, name, "Recreate from a newer image");
  const dialog = page.getByRole("dialog", { name: `Recreate ${name}` });
  await field(dialog, "Image").fill(newer);
  await dialog.getByRole("button", { name: "Recreate", exact: true }).click();
  await gone(dialog);
  await line.getByText(newer).waitFor();
  await line.getByText("Running", { exact: true }).waitFor();
  // The old container stays listed, under its name with a suffix, until it is removed.
  await until("the container is listed once", async () => (await line.count()) === 1);
  const [now] = JSON.parse(world.docker(0, "inspect", name));
  assert.notEqual(now.Id, before);
  assert.deepEqual([now.Config.Image, now.State.Running, now.Config.Env.includes("TIDE=high")], [newer, true, true]);
  await until("the one before is gone", () => world.docker(0, "ps", "-aq", "--no-trunc", "--filter", `id=${before}`) === "");
  await line.getByRole("link", { name, exact: true }).click();
  await page.waitForURL(`**/containers/anchor.test/${now.Id}*`);
  await world.close(page);
});
