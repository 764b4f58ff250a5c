// A phone: its tabs, its cards, and room for thumbs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { field, heading, state } from "./screen.mjs";
import { furnish, visit } from "./screens.mjs";
import { World } from "./world.mjs";

const PHONE = { width: 390, height: 844 };

let world;
let screens;
before(async () => {
  world = await World.start();
  screens = await furnish(world);
});
after(() => world?.stop());

test("five tabs and a sheet lead everywhere, each as large as a thumb needs", async () => {
  const page = await world.page("ada", PHONE);
  const tabs = page.getByRole("navigation", { name: "Main" });
  const five = ["Overview", "Containers", "Docks", "Logs", "Events"];
  await heading(page, "Overview").waitFor();
  for (const name of [...five.slice(1), five[0]]) {
    const link = tabs.getByRole("link", { name, exact: true });
    const { width, height } = await link.boundingBox();
    assert.ok(width >= 44 && height >= 44, `${name}: ${width} × ${height}`);
    await link.tap();
    await heading(page, name).waitFor();
    assert.equal(await link.getAttribute("aria-current"), "page");
  }
  const more = tabs.getByRole("button", { name: "More" });
  const { width, height } = await more.boundingBox();
  assert.ok(width >= 44 && height >= 44, `More: ${width} × ${height}`);
  for (const name of ["Images", "Networks", "Volumes", "Templates", "Activity", "Settings"]) {
    await more.tap();
    await page.getByRole("navigation", { name: "More" }).getByRole("link", { name, exact: true }).tap();
    await heading(page, name).waitFor();
  }
  await world.close(page);
});

test("no screen is wider than the phone", async () => {
  const page = await world.page("admin", PHONE);
  const wide = [];
  for (const [name, screen] of Object.entries(screens)) {
    // Without a keyboard there are no keys.
    if (screen.nobody || name === "palette" || name === "shortcuts") continue;
    await visit(page, screen);
    const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (needs > has) wide.push(`${name}: ${needs} of ${has}`);
  }
  assert.deepEqual(wide, []);
  await world.close(page);
});

test("a container is created, read and stopped with a thumb", async () => {
  const name = `${world.unique}-pocket`;
  const page = await world.page("ada", { ...PHONE, path: "/containers" });
  const cards = page.getByRole("main").getByRole("list");
  await cards.getByRole("listitem", { name: `${world.unique}-web` }).getByText("Running", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Create container" }).tap();
  await field(page, "Image").fill("busybox");
  await field(page, "Name").fill(name);
  await field(page, "Command").fill('sh -c "trap exit TERM; while true; do echo tick; sleep 0.5; done"');
  await page.getByRole("button", { name: "Create container" }).tap();
  await heading(page, name).waitFor();
  await page.getByRole("log", { name: `Log of ${name}` }).getByText("tick", { exact: true }).first().waitFor();

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Containers", exact: true }).tap();
  const card = cards.getByRole("listitem", { name });
  await card.getByRole("button", { name: `More for ${name}` }).tap();
  await page.getByRole("menuitem", { name: "Logs" }).tap();
  await page.getByRole("log", { name: `Log of ${name}` }).waitFor();
  await page.getByRole("button", { name: "Stop", exact: true }).tap();
  await state(page).filter({ hasText: /^Stopped$/ }).waitFor();
  await world.close(page);
});
