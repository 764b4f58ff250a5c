// What a list of a thousand containers costs, and how much the first screen weighs. Times are told, and none is a condition:
// machines differ.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { choice, heading, row } from "./screen.mjs";
import { until, World } from "./world.mjs";

const MANY = 1_000;
const CHANGE = 20;
const TICKS = 5;
/** So long from one change to the next, in milliseconds. */
const TICK = 2_000;
/** How often and how far the wheel is turned, in pixels. */
const TURNS = 80;
const WHEEL = 240;
/** KiB of the first screen, compressed, without fonts. */
const FIRST_SCREEN = 350;
const DOCK = "paper.test";

let world;
before(async () => {
  world = await World.start();
});
after(() => world?.stop());

/** A dock that is only written down, the way its worker would: nothing runs there. */
class Paper {
  async open() {
    this.redis = spawn("redis-cli", ["-s", world.socket], { stdio: ["pipe", "ignore", "inherit"] });
    const facts = { daemon: "up", engineVersion: "27.0", apiVersion: "1.46", operatingSystem: "Paper", cpus: 8, memory: 2 ** 35, containers: MANY, running: MANY, labels: {}, workerVersion: "0.1.0" };
    // A heartbeat that is yet to come needs no other after it.
    const seen = Date.now() + 3_600_000;
    this.put("deblox.docks", DOCK, { ...facts, standing: "active", lastSeen: seen, daemonSeen: seen });
    for (let n = 0; n < MANY; n++) this.write(n, "running");
    this.announce();
  }

  put(key, field, value) {
    this.redis.stdin.write(`HSET ${key} ${field} ${JSON.stringify(JSON.stringify(value))}\n`);
  }

  write(n, state) {
    const now = Math.floor(Date.now() / 1_000);
    const status = state === "running" ? "Up" : "Exited (0)";
    this.put(`deblox.instances.${DOCK}`, this.id(n), { id: this.id(n), name: this.name(n), image: "busybox:latest", state, status, since: now, created: now - n, owner: "ada", ports: [{ privatePort: 80, publicPort: 8_000 + n, protocol: "tcp" }], labels: {} });
  }

  /** The node reads what is written when it is told that something is new. */
  announce() {
    this.redis.stdin.write(`HINCRBY deblox.revisions ${DOCK} 1\n`);
  }

  id = (n) => n.toString(16).padStart(64, "0");
  name = (n) => `sheet-${String(n + 1).padStart(4, "0")}`;

  async close() {
    this.redis.stdin.end();
    await once(this.redis, "exit");
  }
}

test("a thousand containers are listed, kept up to date and scrolled through", async (t) => {
  const paper = new Paper();
  await paper.open();
  await until("the node knows them", async () => (await world.as("admin", "GET", `/instances?dock=${DOCK}&limit=1`)).total === MANY);
  const page = await world.page("admin");
  await heading(page, "Overview").waitFor();
  await page.addInitScript(() => {
    globalThis.long = [];
    new PerformanceObserver((list) => globalThis.long.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type: "longtask", buffered: true });
    new MutationObserver((_, observer) => {
      if (!document.querySelector("tbody th a")) return;
      globalThis.firstRow = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`/containers?dock=${DOCK}&sort=name`);
  await row(page, paper.name(0)).waitFor();
  const first = await page.evaluate(() => globalThis.firstRow);
  t.diagnostic(`the first row is there ${first.toFixed(0)} ms after the address was opened; ${await page.locator("*").count()} elements`);

  const debug = await page.context().newCDPSession(page);
  // Time in which it works, not in which it waits for a processor that others use.
  await debug.send("Performance.enable", { timeDomain: "threadTicks" });
  const metrics = async () => Object.fromEntries((await debug.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  /** What the main thread does meanwhile, in milliseconds. */
  const working = async (run) => {
    const earlier = await metrics();
    await run();
    const later = await metrics();
    return (name) => (later[name] - earlier[name]) * 1_000;
  };
  const idle = await working(() => wait(TICK));
  const ticks = await working(async () => {
    for (let tick = 1; tick <= TICKS; tick++) {
      for (let n = 0; n < CHANGE; n++) paper.write((tick - 1) * CHANGE + n, "exited");
      paper.announce();
      // Nothing is asked of the page meanwhile: that would be work of its main thread as well.
      await wait(TICK);
    }
  });
  await choice(page, new RegExp(`^Stopped ${TICKS * CHANGE}$`)).waitFor();
  await row(page, paper.name(0)).getByText("Stopped", { exact: true }).waitFor();
  const each = (name) => (ticks(name) / TICKS).toFixed(1);
  t.diagnostic(`${TICK / 1_000} s in which ${CHANGE} of ${MANY} change take the main thread ${each("TaskDuration")} ms, ${each("ScriptDuration")} ms of it scripts; without a change ${idle("TaskDuration").toFixed(1)} ms`);

  const box = page.locator(".dt-wrap");
  await box.hover();
  await page.evaluate(() => (globalThis.long = []));
  const turned = await working(async () => {
    for (let turn = 0; turn < TURNS; turn++) {
      await page.mouse.wheel(0, WHEEL);
      await wait(30);
    }
  });
  assert.ok(await box.evaluate((element) => element.scrollTop) > (TURNS * WHEEL) / 2, "the wheel scrolls");
  const long = async () => (await page.evaluate(() => globalThis.long.splice(0))).join(", ") || "none";
  t.diagnostic(`scrolling takes the main thread ${(turned("TaskDuration") / TURNS).toFixed(1)} ms per ${WHEEL} pixels; tasks of 50 ms and more, as the clock has it: ${await long()}`);

  const last = row(page, paper.name(MANY - 1));
  await until("the last row is reached", async () => {
    await box.evaluate((element) => element.scrollBy(0, 4 * element.clientHeight));
    return (await last.count()) === 1;
  });
  await last.waitFor();
  assert.equal(await last.getAttribute("aria-rowindex"), String(MANY + 1));
  t.diagnostic(`four screens at once: ${await long()}`);
  await world.close(page);
  await paper.close();
});

test("the first screen is small", async (t) => {
  for (const [name, user, shown] of [["Sign in", null, "serves this page"], ["Overview", "ada", /of \d docks answer/]]) {
    const page = await world.page(user, { path: "about:blank" });
    const answers = [];
    page.on("response", (response) => /^(document|script|stylesheet)$/.test(response.request().resourceType()) && answers.push(response));
    await page.goto("/");
    await page.getByText(shown).waitFor();
    const sizes = await Promise.all(answers.map(async (answer) => gzipSync(await answer.body()).length));
    const whole = sizes.reduce((sum, size) => sum + size, 0) / 1_024;
    assert.ok(answers.length > 3, "scripts were loaded");
    t.diagnostic(`${name}: ${whole.toFixed(0)} KiB compressed, in ${answers.length} files`);
    assert.ok(whole <= FIRST_SCREEN, `${whole.toFixed(0)} KiB, and ${FIRST_SCREEN} at most`);
    await world.close(page);
  }
});
