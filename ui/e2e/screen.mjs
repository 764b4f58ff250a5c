// How a person finds things on the screens.

/** What can be filled in, by its label. */
export const field = (scope, label) => scope.locator("input, textarea").and(scope.getByLabel(label, { exact: true }));

/** The row of a list with a link or a button of that name. */
export const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }).or(page.getByRole("button", { name, exact: true })) });

/** How the container is whose page this is. */
export const state = (page) => page.locator(".container-title .st");

/** A chip, or one of several choices, of which a person clicks the words. */
export const choice = (scope, words) => scope.locator("label").filter({ hasText: words });

export const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true });

/** Opens the menu of a container, and chooses from it. */
export async function fromMenu(page, name, verb) {
  await page.getByRole("button", { name: `More for ${name}` }).click();
  await page.getByRole("menuitem", { name: verb }).click();
}

export const gone = (locator) => locator.waitFor({ state: "detached" });

/** A part of a test that builds on those before it: where it fails, it is named. */
export async function step(name, run) {
  try {
    await run();
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  }
}
