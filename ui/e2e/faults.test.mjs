// Docks and nodes that die while people look at them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { field, gone, heading, row, state } from "./screen.mjs";
import { until, World } from "./world.mjs";

let world;
before(async () => {
  world = await World.start();
});
after(() => world?.stop());

test("what a dead dock had is told of as last known, until it is back", async () => {
  const name = `${world.unique}-adrift`;
  await world.container("ada", name, "barge.test");
  const list = await world.page("ada", { path: "/containers" });
  const overview = await world.page("ada");
  const mine = row(list, name);
  await mine.getByText("Running", { exact: true }).waitFor();
  await overview.getByText("2 of 2 docks answer").waitFor();

  await world.kill(world.workers[1]);
  await mine.getByText("Unknown · was running").waitFor();
  assert.equal(await mine.getAttribute("data-unknown"), "true", "the row is hatched");
  assert.equal(await mine.getByText("?", { exact: true }).count(), 3, "no processor, memory or time is told");
  const stop = list.getByRole("button", { name: `Stop ${name}` });
  assert.equal(await stop.getAttribute("aria-disabled"), "true");
  await stop.focus();
  await list.getByRole("tooltip").filter({ hasText: "barge.test has not answered" }).waitFor();
  await list.getByText("barge.test has been silent").waitFor();
  await overview.getByText("barge.test does not answer.").waitFor();
  await overview.getByText("1 of 2 docks answer").waitFor();
  await overview.getByRole("region", { name: "Dock barge.test" }).getByText("actions are off").waitFor();

  world.workers[1] = world.worker(1);
  await mine.getByText("Running", { exact: true }).waitFor();
  await overview.getByText("2 of 2 docks answer").waitFor();
  await until("it can be stopped again", async () => (await stop.getAttribute("aria-disabled")) === "false");
  await gone(list.getByText("barge.test has been silent"));
  for (const page of [list, overview]) await world.close(page);
});

test("what a dead node served goes on when one is back, without a reload and without a gap", async () => {
  const speaker = `${world.unique}-speaker`;
  const id = await world.container("ada", speaker, "anchor.test", { says: "echo line $i.; sleep 0.2" });
  const list = await world.page("ada", { path: "/containers" });
  const log = await world.page("ada", { path: `/containers/anchor.test/${id}` });
  const create = await world.page("ada", { path: "/containers/new" });
  const pages = [list, log, create];
  await row(list, speaker).waitFor();
  await log.getByText(/^line \d+\.$/).first().waitFor();
  for (const page of pages) {
    await page.getByRole("status").filter({ hasText: /^Live$/ }).waitFor();
    await page.evaluate(() => (globalThis.sameDocument = true));
  }

  const made = `${world.unique}-made-once`;
  await field(create, "Image").fill("busybox");
  await field(create, "Name").fill(made);
  await field(create, "Command").fill("sleep 3600");
  const sent = create.waitForRequest((request) => request.url().endsWith("/actions/create-container"));
  await create.getByRole("button", { name: "Create container" }).click();
  await sent;
  await world.kill(world.nodes[0].child);
  for (const page of pages) await page.getByRole("status").filter({ hasText: "Not live · retrying" }).waitFor();
  const atDeath = await linesOf(log);

  // Another node does the work meanwhile, and knows the session.
  const meanwhile = `${world.unique}-meanwhile`;
  await world.container("ada", meanwhile, "barge.test", { node: world.nodes[1] });
  const other = await world.page("ada", { path: "/containers", node: world.nodes[1] });
  await row(other, meanwhile).waitFor();
  await world.close(other);

  world.nodes[0] = await world.node(world.nodes[0].port);
  for (const page of pages) await page.getByRole("status").filter({ hasText: /^Live$/ }).waitFor();
  await row(list, meanwhile).waitFor();

  await until("the log goes on", async () => (await linesOf(log)).length > atDeath.length + 5);
  const lines = await linesOf(log);
  assert.deepEqual(lines, Array.from({ length: lines.length }, (_, n) => lines[0] + n), "each line is there once");

  await heading(create, made).waitFor();
  await state(create).filter({ hasText: /^Running$/ }).waitFor();
  const copies = [0, 1].flatMap((n) => world.docker(n, "ps", "-aq", "--filter", `name=^${made}`).split("\n").filter(Boolean));
  assert.equal(copies.length, 1, "it was made once");
  const { requests } = await world.as("ada", "GET", `/requests?q=${made}`);
  assert.deepEqual(requests.filter((one) => one.action === "create-container").map((one) => one.state), ["done"]);
  for (const page of pages) {
    assert.ok(await page.evaluate(() => globalThis.sameDocument), "it was not loaded again");
    await world.close(page);
  }
});

/** The numbers of all lines that a log has, seen or not: what it lets one keep as a file. */
async function linesOf(page) {
  const kept = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download what is shown" }).click();
  const text = await readFile(await (await kept).path(), "utf8");
  return [...text.matchAll(/line (\d+)\.$/gm)].map(([, number]) => Number(number));
}

test("a session counts on every node", async () => {
  const page = await world.page("ada", { path: "/containers" });
  await heading(page, "Containers").waitFor();
  await page.goto(`${world.nodes[1].url}/settings`);
  await heading(page, "Settings").waitFor();
  await page.getByText("You are ada, user").waitFor();
  await world.close(page);
});
