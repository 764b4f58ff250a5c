// The lists, and what is done from them: filters, marks, keys, the palette, logs together, and all that is not a container.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { choice, field, gone, heading, row } from "./screen.mjs";
import { until, World } from "./world.mjs";

let world;
before(async () => {
  world = await World.start();
});
after(() => world?.stop());

/** Names for one test, which no other uses. */
const names = (...all) => Object.fromEntries(all.map((name) => [name, `${world.unique}-${name}`]));
const listed = (page) => page.getByRole("table", { name: "Containers" }).locator("tbody th a").allTextContents();
const lists = (page, what, ...wanted) => until(what, async () => JSON.stringify(await listed(page)) === JSON.stringify(wanted));
const address = (page) => new URL(page.url()).searchParams;
/** Chooses from a field that drops a list down. */
async function pick(scope, label, option) {
  const input = scope.locator("input").and(scope.getByLabel(label, { exact: true }));
  await input.click();
  await scope.page().getByRole("option", { name: option }).click();
}

test("containers are filtered, sorted and acted on together; the address keeps how", async () => {
  const { alpha, beta, gamma } = names("alpha", "beta", "gamma");
  await world.container("ada", beta, "barge.test");
  await world.container("ada", alpha, "anchor.test");
  await world.container("ada", gamma, "anchor.test", { start: false });
  const page = await world.page("ada", { path: "/containers" });
  const screen = page.getByRole("main");
  const filter = field(page, "Filter containers");

  await page.getByRole("button", { name: "Name", exact: true }).click();
  await lists(page, "by name", alpha, beta, gamma);
  assert.equal(await page.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort"), "ascending");
  await page.getByRole("button", { name: "Name", exact: true }).click();
  await lists(page, "by name, downwards", gamma, beta, alpha);
  assert.equal(address(page).get("sort"), "-name");
  await page.reload();
  await lists(page, "downwards after a reload", gamma, beta, alpha);

  await choice(page, /^Stopped/).click();
  await lists(page, "what is stopped", gamma);
  assert.equal(address(page).get("state"), "stopped");
  await page.reload();
  await lists(page, "what is stopped, after a reload", gamma);
  await choice(page, /^Stopped/).click();
  await pick(screen, "Dock", "barge.test");
  await lists(page, "of one dock", beta);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await lists(page, "all", gamma, beta, alpha);

  await page.getByLabel(`Mark ${alpha}`).check();
  await page.getByLabel(`Mark ${beta}`).check();
  await page.getByText("2 marked").waitFor();
  await filter.fill("alpha");
  await lists(page, "what fits", alpha);
  assert.equal(address(page).get("q"), "alpha");
  const bar = page.getByRole("toolbar", { name: "Actions on the marked containers" }).or(page.getByLabel("Actions on the marked containers"));
  await page.getByText("1 marked").waitFor();
  await bar.getByRole("button", { name: "Stop", exact: true }).click();
  const one = page.getByRole("dialog", { name: `Stop ${alpha}` });
  await one.getByText(alpha).last().waitFor();
  assert.equal(await one.getByText(beta).count(), 0, "what a filter has hidden is not acted on");
  await one.getByRole("button", { name: "Cancel" }).click();
  await gone(one);

  await filter.fill("");
  await page.getByText("2 marked").waitFor();
  await bar.getByRole("button", { name: "Stop", exact: true }).click();
  const both = page.getByRole("dialog", { name: "Stop 2 containers" });
  for (const name of [alpha, beta]) await both.getByText(name).waitFor();
  await both.getByRole("button", { name: "Stop 2" }).click();
  for (const name of [alpha, beta]) await row(page, name).getByText("Stopped", { exact: true }).waitFor();

  await page.getByLabel("Mark all").check();
  await bar.getByRole("button", { name: "Remove", exact: true }).click();
  const all = page.getByRole("dialog", { name: "Remove 3 containers" });
  for (const name of [alpha, beta, gamma]) await all.getByText(name).waitFor();
  await all.getByRole("button", { name: "Remove 3" }).click();
  await page.getByText("No containers yet").waitFor();
  for (const n of [0, 1]) assert.equal(world.docker(n, "ps", "-aq", "--filter", `name=^${world.unique}-(alpha|beta|gamma)`), "");
  await world.close(page);
});

test("keys and the palette do what a mouse does", async () => {
  const { first, second } = names("first", "second");
  await world.container("ada", first, "anchor.test");
  await world.container("ada", second, "barge.test");
  const page = await world.page("ada", { path: "/containers?sort=name" });
  await lists(page, "both", first, second);
  const at = (name) => until(`the keys are at ${name}`, () => row(page, name).evaluate((element) => element === document.activeElement));
  for (const [key, name] of [["j", first], ["j", second], ["k", first]]) {
    await page.keyboard.press(key);
    await at(name);
  }
  await page.keyboard.press("x");
  await page.getByText("1 marked").waitFor();
  assert.ok(await page.getByLabel(`Mark ${first}`).isChecked());
  await page.keyboard.press("Escape");
  await page.getByText("1 marked").waitFor({ state: "hidden" });
  await page.keyboard.press("/");
  await page.keyboard.type("second");
  await lists(page, "what fits", second);
  assert.equal(await field(page, "Filter containers").inputValue(), "second");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await help.waitFor();
  await page.keyboard.press("Escape");
  await gone(help);
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await heading(page, "Overview").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await heading(page, "Containers").waitFor();
  await row(page, first).waitFor();
  await page.keyboard.press("j");
  await until("the keys are at a row", () => page.evaluate(() => document.activeElement?.tagName === "TR"));
  const name = await page.evaluate(() => document.activeElement.querySelector("th a").textContent);
  await page.keyboard.press("Enter");
  await heading(page, name).waitFor();

  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Find anything" });
  const asked = field(palette, "Find a container, dock or command");
  await asked.fill(second);
  await palette.getByRole("button", { name: second }).or(palette.getByRole("option", { name: second })).first().waitFor();
  await asked.fill(`stop ${second}`);
  await palette.getByText(`Stop ${second}`).waitFor();
  await page.keyboard.press("Enter");
  await gone(palette);
  await page.goto("/containers");
  await row(page, second).getByText("Stopped", { exact: true }).waitFor();
  await row(page, first).getByText("Running", { exact: true }).waitFor();
  await world.close(page);
});

test("logs of several docks are read together, and searched", async () => {
  const { north, south } = names("north", "south");
  for (const [name, dock] of [[north, "anchor.test"], [south, "barge.test"]]) {
    await world.container("ada", name, dock, { says: `echo "from ${name} $i"; [ $i != 3 ] || echo "WARN needle of ${name}"; sleep 0.5` });
  }
  const page = await world.page("ada", { path: "/logs" });
  await page.getByText("Choose containers to read").waitFor();
  for (const name of [north, south]) {
    const add = page.locator("input").and(page.getByLabel("Add a container", { exact: true }));
    await add.fill(name);
    await page.getByRole("option", { name }).click();
    await page.getByRole("button", { name: `Leave out ${name}` }).waitFor();
  }
  const log = page.getByRole("log", { name: "Log of 2 containers" });
  for (const name of [north, south]) await log.getByText(new RegExp(`^from ${name} \\d+$`)).first().waitFor();
  assert.equal(address(page).get("c")?.split(",").length, 2, "the address keeps which");
  await page.reload();
  for (const name of [north, south]) await log.getByText(new RegExp(`^from ${name} \\d+$`)).first().waitFor();

  await page.goto("/logs?since=15m");
  await field(page, "Search the logs").fill("needle of");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByText("2 of 2 docks answered").waitFor();
  const found = page.getByRole("region", { name: "Lines that were found" });
  for (const name of [north, south]) await found.getByText(`WARN needle of ${name}`).waitFor();
  assert.equal(await found.getByText("from").count(), 0);
  await found.getByRole("link", { name: north }).click();
  await heading(page, north).waitFor();
  await world.close(page);
});

test("images are listed by dock, and a pull that fails says why", async () => {
  const page = await world.page("admin", { path: "/images" });
  await field(page, "Filter images").fill("busybox");
  const busybox = row(page, "busybox:latest");
  for (const dock of world.docks) await busybox.getByText(dock).waitFor();
  await page.getByRole("button", { name: "Pull image" }).click();
  const sheet = page.getByRole("dialog", { name: "Pull an image" });
  const image = "127.0.0.1:1/nothing:here";
  await field(sheet, "Image").fill(image);
  for (const dock of world.docks) await sheet.getByLabel(dock).check();
  await sheet.getByRole("button", { name: "Pull to 2 docks" }).click();
  for (const dock of world.docks) {
    const pull = sheet.getByRole("list", { name: "Pulls" }).getByRole("listitem").filter({ hasText: dock });
    await pull.getByText("Failed", { exact: true }).waitFor();
    await pull.getByText(/connection refused/).first().waitFor();
    await pull.getByRole("button", { name: "Copy request id" }).waitFor();
  }
  await world.close(page);
});

for (const what of ["network", "volume"]) {
  test(`a ${what} is made on two docks and removed again`, async () => {
    const name = `${world.unique}-${what}`;
    const page = await world.page("admin", { path: `/${what}s?q=${world.unique}` });
    await page.getByRole("button", { name: `Create ${what}` }).first().click();
    const sheet = page.getByRole("dialog", { name: `Create a ${what}` });
    await field(sheet, "Name").fill(name);
    for (const dock of world.docks) await sheet.getByLabel(dock).check();
    await sheet.getByRole("button", { name: "Create on 2 docks" }).click();
    await gone(sheet);
    await until("both are listed", async () => (await row(page, name).count()) === 2);
    for (const n of [0, 1]) assert.equal(world.docker(n, what, "ls", "-q", "--filter", `name=${name}`).split("\n").filter(Boolean).length, 1);
    for (const dock of world.docks) {
      await page.getByRole("button", { name: `Remove ${name} on ${dock}` }).click();
      const confirm = page.getByRole("dialog", { name: `Remove the ${what} ${name}?` });
      await confirm.getByText(`${name} on ${dock}`).waitFor();
      await confirm.getByRole("button", { name: "Remove", exact: true }).click();
      await gone(row(page, name).filter({ hasText: dock }));
    }
    for (const n of [0, 1]) assert.equal(world.docker(n, what, "ls", "-q", "--filter", `name=${name}`), "");
    await world.close(page);
  });
}

test("a template is written, started from, and removed", async () => {
  const { pattern, cast } = names("pattern", "cast");
  const page = await world.page("admin", { path: "/templates" });
  await page.getByRole("button", { name: "New template" }).first().click();
  const sheet = page.getByRole("dialog", { name: "New template" });
  await field(sheet, "Name").fill(pattern);
  const json = field(sheet, "Docker's create-container JSON");
  await json.fill('{"Image": "busybox",\n  "Cmd": ["sleep" "3600"]}');
  await sheet.getByText(/Line 2, column \d+/).first().waitFor();
  await json.fill('{"Image": "busybox", "Cmd": ["sleep", "3600"]}');
  await sheet.getByText("It is valid JSON.").waitFor();
  await sheet.getByRole("button", { name: "Save" }).click();
  await gone(sheet);
  await row(page, pattern).getByText("busybox").first().waitFor();
  await page.getByRole("button", { name: `Create a container from ${pattern}` }).click();
  await heading(page, "Create a container").waitFor();
  await field(page, "Name").fill(cast);
  await page.getByRole("button", { name: "Create container" }).click();
  await heading(page, cast).waitFor();
  await page.getByRole("tab", { name: "Inspect" }).click();
  await page.getByRole("region", { name: "Summary" }).getByText("sleep 3600").waitFor();
  await page.goto("/templates");
  await page.getByRole("button", { name: `Remove ${pattern}` }).click();
  await page.getByRole("dialog", { name: `Remove the template ${pattern}?` }).getByRole("button", { name: "Remove", exact: true }).click();
  await gone(row(page, pattern));
  await world.close(page);
});

test("events appear by themselves, and can be looked through", async () => {
  const { earlier, later } = names("earlier", "later");
  await world.container("ada", earlier, "anchor.test");
  const page = await world.page("admin", { path: "/events" });
  const events = page.getByRole("region", { name: "Events" });
  await events.getByText(`${earlier} started`).waitFor();
  await field(page, "Filter events").fill(later);
  await page.getByText("No event fits").waitFor();
  await world.container("ada", later, "barge.test");
  await events.getByText(`${later} started`).waitFor();
  assert.equal(await events.getByText(earlier).count(), 0);
  assert.equal(address(page).get("q"), later);
  await world.close(page);
});

test("the theme that is chosen stays", async () => {
  const page = await world.page("ada", { path: "/settings" });
  const brightness = () => page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)));
  await heading(page, "Settings").waitFor();
  assert.ok((await brightness()) > 200);
  await page.getByRole("radiogroup", { name: "Theme" }).or(page.getByLabel("Theme")).first().locator("label").filter({ hasText: "Dark" }).click();
  await until("it is dark", async () => (await brightness()) < 60);
  await page.reload();
  await heading(page, "Settings").waitFor();
  assert.ok((await brightness()) < 60);
  await world.close(page);
});

test("an admin adds a user; a token is made, used and revoked", async () => {
  const name = `${world.unique}-new`;
  const page = await world.page("admin", { path: "/users" });
  await page.getByRole("button", { name: "Add user" }).click();
  const add = page.getByRole("dialog", { name: "Add a user" });
  await add.getByLabel(/^Name/).fill(name);
  await add.getByLabel("Operator").check();
  await add.getByRole("button", { name: "Add user" }).click();
  const once = page.getByRole("dialog", { name: `One-time password of ${name}` });
  await once.getByText("It is shown this once.").waitFor();
  assert.ok((await once.locator("code").textContent()).length >= 8);
  await once.getByRole("button", { name: "I have it" }).click();
  await gone(once);
  const mine = page.getByRole("row").filter({ hasText: name });
  await mine.getByText("One-time password not used yet").waitFor();
  await mine.getByText("operator").waitFor();
  await page.getByRole("button", { name: `Remove ${name}` }).click();
  await page.getByRole("dialog", { name: `Remove ${name}?` }).getByRole("button", { name: "Remove user" }).click();
  await gone(mine);

  await page.goto("/settings");
  await page.getByRole("button", { name: "Make a token" }).click();
  const make = page.getByRole("dialog", { name: "Make a token" });
  await make.getByLabel(/^Name/).fill(`${name}-token`);
  await make.getByRole("button", { name: "Make token" }).click();
  const token = page.getByRole("dialog", { name: `Token ${name}-token` });
  const secret = await token.locator("code").textContent();
  await token.getByRole("button", { name: "I have it" }).click();
  const me = () => fetch(`${world.nodes[1].url}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } });
  const { user, role } = await (await me()).json();
  assert.deepEqual({ user, role }, { user: "admin", role: "viewer" });
  await page.getByRole("button", { name: `Revoke ${name}-token of admin` }).click();
  await page.getByRole("dialog", { name: `Revoke ${name}-token?` }).getByRole("button", { name: "Revoke token" }).click();
  await gone(page.getByRole("row").filter({ hasText: `${name}-token` }));
  assert.equal((await me()).status, 401);
  await world.close(page);
});
