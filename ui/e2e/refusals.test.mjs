// What people may not see or do, how they are told, and that it is refused all the same when a page asks for it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { field, heading, row } from "./screen.mjs";
import { until, World } from "./world.mjs";

let world;
const containers = {};
before(async () => {
  world = await World.start();
  for (const owner of ["ada", "bob"]) containers[owner] = { name: `${world.unique}-${owner}`, id: await world.container(owner, `${world.unique}-${owner}`, "anchor.test") };
});
after(() => world?.stop());

const isRunning = (owner) => world.docker(0, "inspect", "--format", "{{.State.Running}}", containers[owner].id) === "true";

/** A tooltip is there for those who come by keyboard, too. */
async function tipOf(page, button) {
  await button.focus();
  const tip = page.getByRole("tooltip");
  await tip.waitFor();
  return tip.textContent();
}

test("ada sees only what is hers", async () => {
  const page = await world.page("ada", { path: "/containers" });
  await row(page, containers.ada.name).waitFor();
  assert.equal(await page.getByText(containers.bob.name).count(), 0);
  assert.equal(await page.getByRole("table", { name: "Containers" }).getAttribute("aria-rowcount"), "2");
  await page.goto(`/containers/anchor.test/${containers.bob.id}`);
  await heading(page, "This container is gone").waitFor();
  await world.close(page);
});

test("a viewer sees all, and is told whose it is where nothing can be done", async () => {
  const page = await world.page("vic", { path: "/containers" });
  const sent = [];
  page.on("request", (request) => request.url().includes("/actions/stop-container") && sent.push(request.url()));
  for (const { name } of Object.values(containers)) {
    await row(page, name).waitFor();
    const stop = page.getByRole("button", { name: `Stop ${name}` });
    assert.equal(await stop.getAttribute("aria-disabled"), "true");
  }
  const stop = page.getByRole("button", { name: `Stop ${containers.bob.name}` });
  assert.match(await tipOf(page, stop), /may not.*bob/i);
  assert.ok(await stop.evaluate((button) => button === document.activeElement), "it can be reached by keyboard");
  await stop.click({ force: true });
  await page.keyboard.press("Enter");
  // Whatever the click has sent is there by the time that this has been answered.
  await page.goto(`/containers/anchor.test/${containers.bob.id}`);
  await heading(page, containers.bob.name).waitFor();
  const large = page.getByRole("button", { name: "Stop", exact: true });
  assert.equal(await large.getAttribute("aria-disabled"), "true");
  assert.match(await tipOf(page, large), /may not.*bob/i);
  await page.getByRole("tab", { name: "Terminal" }).click();
  await page.getByText("No terminal here").waitFor();
  assert.deepEqual(sent, []);
  assert.ok(isRunning("bob"));
  await world.close(page);
});

test("what a page asks for nevertheless is refused", async () => {
  // What ada may not view does not exist for her.
  for (const [name, status, code] of [["ada", 404, "no-such-instance"], ["vic", 403, "forbidden"]]) {
    const page = await world.page(name);
    const answer = await page.evaluate(async ({ id }) => {
      const response = await fetch("/api/v1/actions/stop-container", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id, dock: "anchor.test" }) });
      return { status: response.status, type: response.headers.get("content-type"), problem: await response.json() };
    }, containers.bob);
    assert.equal(answer.status, status, JSON.stringify(answer));
    assert.equal(answer.type, "application/problem+json");
    assert.equal(answer.problem.code, code);
    assert.ok(answer.problem.requestId);
    await world.close(page);
  }
  assert.ok(isRunning("bob"));
});

test("users are for admins", async () => {
  const page = await world.page("ada", { path: "/users" });
  await heading(page, "Users").waitFor();
  await page.getByText("You may not see this").waitFor();
  const main = page.getByRole("navigation", { name: "Main" });
  await main.getByRole("link", { name: "Activity" }).waitFor();
  assert.equal(await main.getByRole("link", { name: "Users" }).count(), 0);
  assert.equal(await page.evaluate(async () => (await fetch("/api/v1/users")).status), 403);
  await world.close(page);
});

test("a page of another origin gets nothing done, although the cookie comes along", async () => {
  const target = `${world.nodes[0].url}/api/v1`;
  const { id } = containers.ada;
  // A form can send any text, and so JSON.
  const html = `<!doctype html><form method="post" enctype="text/plain" action="${target}/actions/stop-container"><input name='{"id":"${id}","dock":"anchor.test","x":"' value='"}'><button>Win a prize</button></form>
    <form method="post" action="${target}/logout"><button>Win another</button></form>`;
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  try {
    const page = await world.page("ada");
    const elsewhere = `http://127.0.0.1:${server.address().port}/`;
    for (const [button, path] of [["Win a prize", "/actions/stop-container"], ["Win another", "/logout"]]) {
      await page.goto(elsewhere);
      const answered = page.waitForResponse((response) => response.url() === target + path);
      await page.getByRole("button", { name: button }).click();
      const answer = await answered;
      assert.equal((await answer.request().allHeaders()).origin, elsewhere.slice(0, -1));
      assert.equal(answer.status(), 403, path);
    }
    await page.goto(`${world.nodes[0].url}/containers`);
    await row(page, containers.ada.name).waitFor();
    assert.ok(isRunning("ada"));
    await world.close(page);
  } finally {
    server.close();
  }
});

test("a session that ends leads to the login, and back to what one was doing", async () => {
  const cookie = await world.session("ada");
  const page = await world.page("ada", { path: "/containers/new", cookie });
  await field(page, "Image").fill("busybox:draft");
  await field(page, "Name").fill("half-done");
  await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
  const ended = await fetch(`${world.nodes[1].url}/api/v1/logout`, { method: "POST", headers: { cookie } });
  assert.equal(ended.status, 204);
  await page.getByText("Your session ended.").waitFor();
  assert.equal(new URL(page.url()).pathname, "/login");
  await world.logIn(page, "ada");
  await heading(page, "Create a container").waitFor();
  assert.equal(await field(page, "Image").inputValue(), "busybox:draft");
  assert.equal(await field(page, "Name").inputValue(), "half-done");
  await page.getByText("You had begun this before").waitFor();
  await world.close(page);
});

test("who is disabled is out at once, and somebody else finds nothing of it in the same tab", async () => {
  const cookie = await world.session("bob");
  const page = await world.page("bob", { path: "/containers/new", cookie });
  await field(page, "Image").fill("bobs-secret");
  await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
  try {
    await world.as("admin", "PATCH", "/users/bob", { disabled: true });
    await page.getByText("Your session ended.").waitFor();
    await page.getByLabel("User name").fill("bob");
    await page.getByLabel("Password", { exact: true }).fill(world.password("bob"));
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await world.logIn(page, "ada");
    await heading(page, "Create a container").waitFor();
    assert.equal(await field(page, "Image").inputValue(), "");
  } finally {
    await world.as("admin", "PATCH", "/users/bob", { disabled: false });
  }
  await until("bob may log in again", () => world.session("bob"));
  await world.close(page);
});
