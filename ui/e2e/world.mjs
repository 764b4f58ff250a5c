// What a test of the UI stands in: the program itself, a Redis of its own, two workers beside two Docker daemons of the lab,
// an auth manager and two web nodes; and a browser. Nothing of it is made up.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const PROGRAM = join(TARGET, "debug/deblox");
export const LAB = process.env.DEBLOX_LAB ?? "/tmp/deblox-lab";
/** Where a person can look at what the screens are like. */
export const SHOTS = join(TARGET, "ui-screens");
/** How long anything may take before a test gives up. */
export const PATIENCE = 30_000;
const BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks until the answer is one, and fails loudly if that never comes. */
export async function until(what, ask) {
  const end = Date.now() + PATIENCE;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await sleep(100);
  }
  assert.fail(`${what}: not within ${PATIENCE / 1000} s; at last ${last}`);
}

export function freePort() {
  return new Promise((done) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export class World {
  static async start() {
    assert.ok(CHROMIUM, "there is no Chromium: scripts/setup.sh test installs it");
    assert.ok(existsSync(PROGRAM), `there is no ${PROGRAM}: cargo build makes it`);
    const world = new World();
    world.folder = mkdtempSync(join(tmpdir(), "deblox-ui-"));
    world.processes = new Set();
    // What the names of all that a test makes begin with, so that it can be found and removed.
    world.unique = `ui${process.pid}`;
    try {
      await world.begin();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async begin() {
    this.socket = join(this.folder, "redis.sock");
    this.env = { ...process.env, REDIS_URL: `unix://${this.socket}`, DEBLOX_AUTH: "enforce", NO_COLOR: "1" };
    this.redis = this.run("redis", "redis-server", ["--port", "0", "--unixsocket", this.socket, "--save", "", "--dir", this.folder]);
    await until("Redis", () => existsSync(this.socket));
    for (const [name, role] of Object.entries({ admin: "admin", ole: "operator", ada: "user", bob: "user", vic: "viewer" })) {
      execFileSync(PROGRAM, ["user", "add", name, "--role", role, "--password-stdin"], { env: this.env, input: `${this.password(name)}\n` });
    }
    this.docks = ["anchor.test", "barge.test"];
    this.workers = this.docks.map((dock, n) => this.worker(n, n === 0 ? ["--auth-manager"] : []));
    this.nodes = [await this.node(), await this.node()];
    await until("two docks", async () => (await this.as("admin", "GET", "/docks")).docks?.filter((dock) => dock.reachable).length === 2);
    // The browser takes little from the programs that are tested.
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: BROWSER });
  }

  password = (name) => `harbour-${name}-1`;

  run(log, program, args, env = this.env) {
    const out = openSync(join(this.folder, `${log}.log`), "a");
    const child = spawn(program, args, { env, stdio: ["ignore", out, out] });
    this.processes.add(child);
    child.once("exit", () => this.processes.delete(child));
    return child;
  }

  daemon = (n) => `unix://${LAB}/h${n + 1}/docker.sock`;

  worker(n, args = []) {
    return this.run(`worker-${n}`, PROGRAM, ["worker", "--hostname", this.docks[n], ...args], { ...this.env, DOCKER_HOST: this.daemon(n) });
  }

  async node(port, args = [], env = {}) {
    port ??= await freePort();
    const child = this.run(`web-${port}`, PROGRAM, ["web", "--listen", `127.0.0.1:${port}`, ...args], { ...this.env, ...env });
    const url = `http://127.0.0.1:${port}`;
    await until(`a node at ${url}`, async () => (await fetch(`${url}/api/v1/node`)).ok);
    return { child, port, url };
  }

  /** Ends a program at once, as a power cut would. */
  async kill(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  /** The cookie of a new session of somebody. */
  async session(name, node = this.nodes[0]) {
    const answer = await fetch(`${node.url}/api/v1/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: name, password: this.password(name) }) });
    assert.equal(answer.status, 200, `${name} logs in: ${await answer.clone().text()}`);
    return answer.headers.get("set-cookie").split(";")[0];
  }

  /** The one that all calls and pages of somebody share who are not about sessions. */
  async cookie(name, node) {
    this.cookies ??= new Map();
    if (!this.cookies.has(name)) this.cookies.set(name, await this.session(name, node));
    return this.cookies.get(name);
  }

  /** Calls the API as somebody, beside the browser. */
  async as(name, method, path, body, node = this.nodes[0]) {
    const headers = { cookie: await this.cookie(name, node), ...(body ? { "content-type": "application/json" } : {}) };
    const answer = await fetch(`${node.url}/api/v1${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return answer.status === 204 ? {} : answer.json();
  }

  /** A container of somebody, made beside the browser; its full id. `says` is a line of shell that is run again and again. */
  async container(owner, name, dock, { says = "echo tick; sleep 1", ends = "exit 0", node, ...fields } = {}) {
    const cmd = ["sh", "-c", `trap '${ends}' TERM; i=0; while true; do i=$((i+1)); ${says}; done`];
    const made = await this.as(owner, "POST", "/actions/create-container", { image: "busybox", name, dock, cmd, start: true, ...fields }, node);
    assert.ok(made.Id, `${name} is made: ${JSON.stringify(made)}`);
    return made.Id;
  }

  /** Has the lab do something: see scripts/lab.sh. */
  lab(...args) {
    execFileSync(join(ROOT, "scripts/lab.sh"), args, { env: { ...process.env, DEBLOX_LAB: LAB } });
  }

  /** What a Docker daemon of the lab says, whatever deblox does. */
  docker(n, ...args) {
    return execFileSync("docker", ["--host", this.daemon(n), ...args], { encoding: "utf8" }).trim();
  }

  /** A window of the browser, of somebody who has logged in already, or of nobody. */
  async page(name, { path = "/", width = 1440, height = 900, scheme = "light", node = this.nodes[0], cookie } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: scheme, baseURL: node.url, reducedMotion: "reduce", hasTouch: width < 500 });
    context.setDefaultTimeout(PATIENCE);
    if (name) {
      const [key, value] = (cookie ?? (await this.cookie(name))).split("=", 2);
      await context.addCookies([{ name: key, value, url: node.url, httpOnly: true, sameSite: "Strict" }]);
    }
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("console", (message) => message.type() === "error" && /Content Security Policy/i.test(message.text()) && page.problems.push(message.text()));
    await page.goto(path);
    return page;
  }

  /** Fills in the login that a window shows, and waits until it is left. */
  async logIn(page, name) {
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(this.password(name));
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Sign in to deblox" }).waitFor({ state: "detached" });
  }

  /** Closes a window in which nothing may have gone wrong. */
  async close(page) {
    await page.context().close();
    assert.deepEqual(page.problems, [], "errors of the page");
  }

  async stop() {
    // A window that is still open is one in which a test has failed.
    for (const [n, page] of (this.browser?.contexts() ?? []).flatMap((context) => context.pages()).entries()) {
      await page.screenshot({ path: join(SHOTS, `failed-${this.unique}-${n}.png`) }).catch(() => {});
    }
    await this.browser?.close();
    await Promise.all([...this.processes].map((child) => this.kill(child)));
    const mine = ["--filter", `name=^${this.unique}-`];
    for (const n of this.docks?.keys() ?? []) {
      const remove = (ids, ...command) => ids && this.docker(n, ...command, ...ids.split("\n"));
      remove(this.docker(n, "ps", "-aq", ...mine), "rm", "-fv");
      remove(this.docker(n, "network", "ls", "-q", ...mine), "network", "rm");
      remove(this.docker(n, "volume", "ls", "-q", ...mine), "volume", "rm");
      if (this.registry) remove(this.docker(n, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", `${this.registry}/*`), "rmi");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

mkdirSync(SHOTS, { recursive: true });
