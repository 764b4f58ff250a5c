// The life of a container, from the login to its removal, as somebody lives it who uses nothing but the browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { field, fromMenu, gone, heading, row, state, step } from "./screen.mjs";
import { until, World } from "./world.mjs";

let world;
before(async () => {
  world = await World.start();
});
after(() => world?.stop());

/** Writes 200 lines at once, then a few each second; takes its time to stop. */
const COMMAND = `sh -c "trap 'sleep 2; exit 0' TERM; i=0; while true; do i=\\$((i+1)); echo line \\$i.; [ \\$i -lt 200 ] || sleep 0.3; done"`;

test("a container is created, watched, talked to, stopped, renamed and removed", async (t) => {
  const name = `${world.unique}-web`;
  const page = await world.page(null, { path: "/containers/new" });

  await step("a wrong password is told in words, the right one leads to where one wanted to go", async () => {
    await heading(page, "Sign in to deblox").waitFor();
    await page.getByLabel("User name").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill("not the one");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "Wrong user name or password." }).waitFor();
    await world.logIn(page, "ada");
    await heading(page, "Create a container").waitFor();
    assert.equal(new URL(page.url()).pathname, "/containers/new");
  });

  await step("what is missing in the form is said; the cluster finds a dock", async () => {
    await page.getByRole("button", { name: "Create container" }).click();
    await page.getByRole("alert").filter({ hasText: "to mend first" }).waitFor();
    await field(page, "Image").fill("busybox");
    await field(page, "Name").fill(name);
    await field(page, "Command").fill(COMMAND);
    await page.getByText(`One container of busybox, named ${name}`).waitFor();
    await page.getByRole("button", { name: "Create container" }).click();
    await heading(page, name).waitFor();
    await state(page).filter({ hasText: /^Running$/ }).waitFor();
    await page.getByText("The cluster picked").waitFor();
  });

  const log = page.getByRole("log", { name: `Log of ${name}` });
  const pill = page.getByRole("button", { name: /new lines?$|^Jump to latest$/ });

  await step("its log is followed, and whoever has scrolled up is left in peace", async () => {
    await log.getByText(/^line 20\d\.$/).first().waitFor();
    await pill.waitFor({ state: "detached" });
    await log.hover();
    await page.mouse.wheel(0, -1_200);
    await pill.waitFor();
    const before = await until("the log stands still", () => twice(() => firstLine(log)));
    await page.getByRole("button", { name: /^[3-9] new lines$|^\d\d+ new lines$/ }).waitFor();
    assert.deepEqual(await firstLine(log), before, "new lines do not move the reader");
    await pill.click();
    await gone(pill);
    const newest = await lastLine(log);
    await until("it is followed again", async () => (await lastLine(log)) > newest + 2);
    assert.equal(await pill.count(), 0);
  });

  await step("a terminal answers, and knows how large it is", async () => {
    await page.getByRole("tab", { name: "Terminal" }).click();
    const terminal = page.getByRole("group", { name: `Terminal in ${name}` });
    await terminal.click();
    await page.keyboard.type("echo all-$((40+2))-well\n");
    await terminal.filter({ hasText: "all-42-well" }).waitFor();
    const wide = await size(page, terminal);
    await page.setViewportSize({ width: 900, height: 700 });
    await until("it is smaller", async () => {
      const now = await size(page, terminal);
      return now.cols < wide.cols && now.rows < wide.rows;
    });
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole("tab", { name: "Logs" }).click();
    await log.waitFor();
  });

  await step("a stop is seen at once, and then what came of it", async () => {
    await page.evaluate(watchBadge);
    // Nothing is answered before the badge has changed.
    await page.route("**/actions/stop-container", async (route) => {
      await state(page).filter({ hasText: /^Stopping…$/ }).waitFor();
      await route.continue();
    });
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await state(page).filter({ hasText: /^Stopped$/ }).waitFor();
    await page.unroute("**/actions/stop-container");
    const { clicked, seen } = await page.evaluate(() => globalThis.watched);
    t.diagnostic(`“Stopping…” ${(seen - clicked).toFixed(1)} ms after the click`);
    await page.getByRole("button", { name: "Start", exact: true }).waitFor();
  });

  await step("it is started again, gets another name, and is removed", async () => {
    await page.getByRole("button", { name: "Restart", exact: true }).click();
    await state(page).filter({ hasText: /^Running$/ }).waitFor();

    await fromMenu(page, name, "Rename…");
    const rename = page.getByRole("dialog", { name: `Rename ${name}` });
    await field(rename, "Name").fill(`${name}-2`);
    await rename.getByRole("button", { name: "Rename", exact: true }).click();
    await heading(page, `${name}-2`).waitFor();

    await fromMenu(page, `${name}-2`, "Remove…");
    const remove = page.getByRole("dialog", { name: `Remove ${name}-2` });
    await remove.getByText("written in it").waitFor();
    await remove.getByLabel(/kill/).check();
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await heading(page, "This container is gone").waitFor();
  });

  await step("the activity tells of all of it, with the ids of the requests", async () => {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Activity" }).click();
    await heading(page, "Activity").waitFor();
    const { requests } = await world.as("ada", "GET", "/requests?limit=50");
    const outcomes = { create: "Done", exec: "Cancelled", stop: "Done", restart: "Done", rename: "Done", delete: "Done" };
    for (const [action, outcome] of Object.entries(outcomes)) {
      const request = requests.find((one) => one.action === `${action}-container`);
      assert.ok(request, `${action} is told of`);
      await page.getByRole("row").filter({ hasText: request.requestId.slice(0, 8) }).filter({ hasText: outcome }).waitFor();
    }
    const { requestId } = requests.find((one) => one.action === "create-container");
    await page.getByRole("row").filter({ hasText: requestId.slice(0, 8) }).getByRole("button", { name: `Create ${name}` }).click();
    await page.getByRole("dialog", { name: `Create ${name}` }).getByText(requestId).waitFor();
  });

  await step("the list has it no more", async () => {
    await page.goto(`/containers?q=${name}`);
    await page.getByText("No container matches").waitFor();
    assert.equal(await row(page, `${name}-2`).count(), 0);
  });
  await world.close(page);
});

/** What is asked twice, if it was the same both times. */
async function twice(ask) {
  const one = await ask();
  await new Promise((done) => setTimeout(done, 100));
  const other = await ask();
  return JSON.stringify(one) === JSON.stringify(other) && one;
}

/** The first line that is wholly seen, and where. */
const firstLine = (log) =>
  log.evaluate((element) => {
    const { top } = element.getBoundingClientRect();
    const lines = [...element.querySelectorAll(".log-row")].map((line) => ({ text: line.querySelector(".text").textContent, at: Math.round(line.getBoundingClientRect().top - top) }));
    return lines.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at)[0];
  });

const lastLine = (log) => log.evaluate((element) => Math.max(...[...element.querySelectorAll(".log-row .text")].map(({ textContent }) => Number(/\d+/.exec(textContent)))));

/** How large a terminal is, by what the shell in it says. */
async function size(page, terminal) {
  const mark = `at${Math.random().toString(36).slice(2, 8)}`;
  await page.keyboard.type(`echo ${mark}=$(stty size)\n`);
  return until("the shell tells its size", async () => {
    const found = new RegExp(`${mark}=(\\d+) (\\d+)`).exec(await terminal.textContent());
    return found && { rows: Number(found[1]), cols: Number(found[2]) };
  });
}

/** Notes, in the page, when something is clicked, and when the badge says that it is being done. */
function watchBadge() {
  globalThis.watched = {};
  addEventListener("click", () => (globalThis.watched.clicked ??= performance.now()), { capture: true, once: true });
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".container-title .st").textContent.startsWith("Stopping")) return;
    globalThis.watched.seen = performance.now();
    observer.disconnect();
  }).observe(document.querySelector(".container-title"), { childList: true, subtree: true, characterData: true });
}
