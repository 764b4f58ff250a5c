// Where somebody is logged in, seen and ended on the page.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gone } from "./screen.mjs";
import { SHOTS, until, World } from "./world.mjs";

let world;
before(async () => {
  world = await World.start();
  mkdirSync(SHOTS, { recursive: true });
});
after(() => world?.stop());

const counts = async (cookie) => (await fetch(`${world.nodes[1].url}/api/v1/me`, { headers: { cookie } })).status === 200;

test("a user ends one session, and then all others", async () => {
  const [one, two, three] = [await world.session("ada"), await world.session("ada"), await world.session("ada")];
  const page = await world.page("ada", { path: "/settings", cookie: await world.session("ada") });
  const list = page.getByRole("region", { name: "Your sessions" });
  await list.getByText("This one").waitFor();
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      await page.setViewportSize({ width, height });
      await list.scrollIntoViewIfNeeded();
      await list.screenshot({ path: join(SHOTS, `sessions-${scheme}-${width}.png`) });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  const rows = list.getByRole("row").filter({ has: page.getByRole("button", { name: /^End the session of (?!.*unavailable)/ }) });
  const before = await rows.count();
  assert.ok(before >= 3, `${before} others`);
  await rows.first().getByRole("button").click();
  const question = page.getByRole("dialog", { name: "End this session?" });
  await question.getByRole("button", { name: "End session" }).click();
  await gone(question);
  await until("one fewer", async () => (await rows.count()) === before - 1);
  assert.equal((await Promise.all([one, two, three].map(counts))).filter(Boolean).length, 2, "one of them has ended");
  await list.getByRole("button", { name: "End all other sessions" }).click();
  const all = page.getByRole("dialog", { name: /^End \d+ session/ });
  await all.getByRole("button", { name: "End sessions" }).click();
  await gone(all);
  await until("none is left", async () => (await rows.count()) === 0);
  assert.deepEqual(await Promise.all([one, two, three].map(counts)), [false, false, false]);
  await page.getByRole("checkbox", { name: "Revoke all my tokens as well" }).waitFor();
  await world.close(page);
});

test("an admin sees and ends the sessions of a user", async () => {
  const bobs = await world.session("bob");
  const page = await world.page("admin", { path: "/users" });
  await page.getByRole("button", { name: "Sessions of bob" }).click();
  const sheet = page.getByRole("dialog", { name: "Sessions of bob" });
  await sheet.getByRole("button", { name: "End all sessions" }).waitFor();
  await page.screenshot({ path: join(SHOTS, "users-sessions-light-1440.png") });
  await sheet.getByRole("button", { name: "End all sessions" }).click();
  await page.getByRole("dialog", { name: /^End \d+ session/ }).getByRole("button", { name: "End sessions" }).click();
  await sheet.getByText("bob is not logged in anywhere.").waitFor();
  assert.equal(await counts(bobs), false);
  await page.keyboard.press("Escape");
  await gone(sheet);
  await page.getByRole("button", { name: "New one-time password for bob" }).click();
  const reset = page.getByRole("dialog", { name: "New password for bob" });
  await reset.getByRole("checkbox", { name: "Revoke all tokens as well" }).waitFor();
  await page.screenshot({ path: join(SHOTS, "users-reset-light-1440.png") });
  await page.keyboard.press("Escape");
  await gone(reset);
  await world.close(page);
});
