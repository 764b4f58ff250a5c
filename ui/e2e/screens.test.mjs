// Every screen, light and dark, on a desk and on a phone: pictures of all of them to look at, and what a program can tell of
// whether everybody can use them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { furnish, visit } from "./screens.mjs";
import { SHOTS, World } from "./world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** In which schemes the rules are looked at: on a phone the colours are the same as on a desk. */
const VIEWS = [
  { width: 1440, height: 900, checked: ["light", "dark"] },
  { width: 390, height: 844, checked: ["light"] },
];

let world;
let screens;
before(async () => {
  world = await World.start();
  screens = await furnish(world);
});
after(() => world?.stop());

/** What is against the rules, each with the first element of it. */
async function violations(page) {
  // The policy of the page lets no foreign script in; what the debugger of the browser runs is not asked.
  await page.evaluate(AXE);
  const { violations: found, passes } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), RULES);
  assert.ok(passes.length > 10, "it was looked at");
  return found.map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].html.slice(0, 160)} | ${nodes[0].failureSummary?.split("\n")[1]?.trim()}`);
}

for (const { width, height, checked } of VIEWS) {
  test(`screens that are ${width} wide`, async (t) => {
    const bad = [];
    const nobody = await world.page(null, { path: "/login", width, height });
    const admin = await world.page("admin", { width, height });
    for (const [name, screen] of Object.entries(screens)) {
      const page = screen.nobody ? nobody : admin;
      try {
        await page.emulateMedia({ colorScheme: "light" });
        await visit(page, screen);
        const headings = await page.locator("h1").count();
        if (headings !== 1) bad.push(`${name}: ${headings} h1`);
        for (const scheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme: scheme });
          await page.locator(`html[data-mantine-color-scheme=${scheme}]`).waitFor();
          await page.screenshot({ path: join(SHOTS, `${name}-${scheme}-${width}.png`) });
          if (checked.includes(scheme)) bad.push(...(await violations(page)).map((one) => `${name}, ${scheme}: ${one}`));
        }
      } catch (error) {
        bad.push(`${name}: ${error.message}`);
      }
    }
    t.diagnostic(`pictures of ${Object.keys(screens).length} screens in ${SHOTS}`);
    assert.deepEqual(bad, []);
    for (const page of [nobody, admin]) await world.close(page);
  });
}
