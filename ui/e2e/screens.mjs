// Every screen there is, and what it is reached by. `world.harbour` has what is shown on them.
import { heading } from "./screen.mjs";

/** Containers, a template, a network and a volume to look at. */
export async function furnish(world) {
  const name = (of) => `${world.unique}-${of}`;
  const web = name("web");
  const id = await world.container("ada", web, "anchor.test", { says: 'echo "GET / 200 $i"; [ $((i % 7)) != 0 ] || echo "WARN slow answer"; sleep 0.5', ports: ["127.0.0.1::80"], env: { TZ: "UTC" }, labels: { team: "web" } });
  await world.container("ada", name("worker"), "barge.test");
  await world.container("bob", name("failing"), "barge.test", { cmd: ["sh", "-c", "echo ERROR no database; exit 3"] });
  await world.container("bob", name("idle"), "anchor.test", { start: false });
  await world.as("admin", "POST", "/actions/put-template", { name: name("template"), body: { Image: "busybox", Cmd: ["sleep", "3600"], Env: ["TZ=UTC"] } });
  await world.as("admin", "POST", "/actions/create-network", { name: name("net"), dock: "anchor.test" });
  await world.as("admin", "POST", "/actions/create-volume", { name: name("data"), dock: "barge.test" });
  const container = `/containers/anchor.test/${id}`;
  const dock = "/docks/anchor.test";
  const tab = (path, which) => `${path}?tab=${which}`;
  const at = (path, title, ready = async () => {}) => ({ path, title, ready });
  return {
    login: { ...at("/login", "Sign in to deblox"), nobody: true },
    overview: at("/", "Overview", (page) => page.getByRole("region", { name: "Dock barge.test" }).waitFor()),
    docks: at("/docks", "Docks", (page) => page.getByRole("region", { name: "Dock barge.test" }).waitFor()),
    "docks-table": at("/docks?view=table", "Docks"),
    dock: at(dock, "anchor.test", (page) => page.getByRole("link", { name: web, exact: true }).waitFor()),
    "dock-images": at(tab(dock, "images"), "anchor.test", (page) => page.getByText("busybox:latest").waitFor()),
    "dock-events": at(tab(dock, "events"), "anchor.test", (page) => page.getByText(`${web} started`).waitFor()),
    "dock-engine": at(tab(dock, "engine"), "anchor.test", (page) => page.getByRole("heading", { name: "Engine" }).waitFor()),
    containers: at("/containers", "Containers", (page) => page.getByRole("link", { name: web, exact: true }).waitFor()),
    create: at("/containers/new", "Create a container"),
    "container-logs": at(container, web, (page) => page.getByRole("log").getByText(/GET/).first().waitFor()),
    "container-stats": at(tab(container, "stats"), web, (page) => page.getByText("of one processor").waitFor()),
    "container-terminal": at(tab(container, "terminal"), web, (page) => page.getByRole("group", { name: `Terminal in ${web}` }).filter({ hasText: "#" }).waitFor()),
    "container-inspect": at(tab(container, "inspect"), web, (page) => page.getByRole("region", { name: "Summary" }).waitFor()),
    "container-events": at(tab(container, "events"), web, (page) => page.getByText(`${web} started`).waitFor()),
    logs: at(`/logs?c=anchor.test/${id}`, "Logs", (page) => page.getByRole("log").getByText(/GET/).first().waitFor()),
    "logs-search": at("/logs?q=GET&since=15m", "Logs", (page) => page.getByText("of 2 docks answered").waitFor()),
    images: at("/images", "Images", (page) => page.getByRole("button", { name: "busybox:latest", exact: true }).waitFor()),
    networks: at("/networks", "Networks", (page) => page.getByRole("button", { name: name("net"), exact: true }).waitFor()),
    volumes: at("/volumes", "Volumes", (page) => page.getByRole("button", { name: name("data"), exact: true }).waitFor()),
    templates: at("/templates", "Templates", (page) => page.getByRole("button", { name: name("template"), exact: true }).waitFor()),
    events: at("/events", "Events", (page) => page.getByText(`${web} started`).waitFor()),
    activity: at("/activity", "Activity", (page) => page.getByRole("button", { name: `Create ${web}` }).waitFor()),
    users: at("/users", "Users", (page) => page.getByRole("button", { name: "Change ada" }).waitFor()),
    settings: at("/settings", "Settings", (page) => page.getByRole("button", { name: "Make a token" }).waitFor()),
    palette: at("/", "Overview", async (page) => {
      await page.keyboard.press("Control+k");
      const palette = page.getByRole("dialog", { name: "Find anything" });
      await palette.getByRole("textbox").or(palette.getByRole("combobox")).or(palette.getByRole("searchbox")).first().fill(web);
      await palette.getByText(`Stop ${web}`).waitFor();
    }),
    shortcuts: at("/", "Overview", async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    }),
    "not-found": at("/nowhere", "There is nothing here"),
  };
}

/** Goes to a screen, and waits until it shows what it is for. */
export async function visit(page, { path, title, ready }) {
  await page.goto(path);
  await heading(page, title).waitFor();
  await ready(page);
  // Nothing is still on its way, not even what Mantine fades in.
  await page.locator("[aria-busy=true], .mantine-Skeleton-root").first().waitFor({ state: "detached" });
}
