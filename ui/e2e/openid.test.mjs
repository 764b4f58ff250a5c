// Logging in at an OpenID Connect provider: a real one, with pages of its own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { heading } from "./screen.mjs";
import { freePort, ROOT, SHOTS, until, World } from "./world.mjs";

const SECRET = "harbour-secret-of-the-client";

let world;
let node;
before(async () => {
  world = await World.start();
  const [port, providerPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${providerPort}`;
  const redirect = `http://127.0.0.1:${port}/auth/oidc/callback`;
  const config = join(world.folder, "provider.json");
  const client = { client_id: "deblox", client_secret: SECRET, redirect_uris: [redirect] };
  const users = { "7": { preferred_username: "olga", groups: ["dev"] }, "8": { preferred_username: "stray", groups: ["others"] } };
  writeFileSync(config, JSON.stringify({ port: providerPort, clients: [client], users }));
  world.run("provider", process.execPath, [join(ROOT, "tests/oidc/provider.mjs"), config]);
  await until("the provider answers", async () => (await fetch(`${issuer}/.well-known/openid-configuration`)).ok);
  const args = ["--oidc-issuer", issuer, "--oidc-client-id", "deblox", "--oidc-redirect-url", redirect, "--oidc-scope", "profile groups", "--oidc-role", "dev=user"];
  node = await world.node(port, args, { DEBLOX_OIDC_CLIENT_SECRET: SECRET });
});
after(() => world?.stop());

/** Goes from the login of deblox to the provider, and logs in there as the user with that number. */
async function throughProvider(page, number) {
  await page.getByRole("link", { name: "Sign in with OpenID Connect" }).click();
  await page.locator("input[name=login]").fill(number);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

test("who logs in at the provider is led back to where it wanted to go, and logs out again", async () => {
  const page = await world.page(null, { path: "/images", node });
  await throughProvider(page, "7");
  await heading(page, "Images").waitFor();
  assert.equal(new URL(page.url()).origin, node.url);
  await page.getByRole("button", { name: /olga/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in with OpenID Connect" }).waitFor();
  await page.goto("/images");
  await page.getByRole("heading", { name: "Sign in to deblox" }).waitFor();
  await world.close(page);
});

test("who has no role here is told so, and may try again", async () => {
  const page = await world.page(null, { path: "/", node });
  await throughProvider(page, "8");
  await heading(page, "You are not signed in").waitFor();
  await page.getByText("you are in none of the groups that may use deblox").waitFor();
  await page.screenshot({ path: join(SHOTS, "not-signed-in.png") });
  await page.getByRole("link", { name: "Back to the login" }).click();
  await page.getByRole("heading", { name: "Sign in to deblox" }).waitFor();
  await world.close(page);
});
