// Every screen, its address, and the state of its lists, which lives in the address.
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { ApiError, q, qc } from "@/api/client";
import { draftsOf } from "./drafts";
import { Failure } from "./failure";
import { Shell } from "./shell";

const text = (value: unknown) => (typeof value === "string" && value ? value : typeof value === "number" ? String(value) : undefined);
const flag = (value: unknown) => (value === true || value === "true" ? true : undefined);

const root = createRootRouteWithContext<{ qc: QueryClient }>()({ component: Outlet });
const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("@/features/login"), "Login"),
  validateSearch: (s): { next?: string; reason?: "ended" } => {
    // Only a place of this site.
    const next = text(s["next"]);
    return { ...(next && /^\/(?![/\\])/.test(next) ? { next } : {}), ...(s["reason"] === "ended" ? { reason: "ended" as const } : {}) };
  },
});
const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      const me = await context.qc.ensureQueryData(q.me);
      draftsOf(me.user);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      throw redirect({ to: "/login", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
});

export interface ListSearch { q?: string; dock?: string; state?: string; owner?: string; mine?: true; sort?: string; group?: "dock" }
export type Tab = "logs" | "stats" | "terminal" | "inspect" | "events";
const TABS = ["logs", "stats", "terminal", "inspect", "events"];
const drop = <T extends object>(fields: T) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T> & object;

const page = <P extends string>(path: P, load: Parameters<typeof lazyRouteComponent>[0], name: string) =>
  createRoute({ getParentRoute: () => app, path, component: lazyRouteComponent(load, name) });

const overview = page("/", () => import("@/features/overview"), "Overview");
const docks = createRoute({ getParentRoute: () => app, path: "/docks", component: lazyRouteComponent(() => import("@/features/docks"), "Docks"), validateSearch: (s): { view?: "table" } => (s["view"] === "table" ? { view: "table" } : {}) });
const dock = createRoute({ getParentRoute: () => app, path: "/docks/$dock", component: lazyRouteComponent(() => import("@/features/dock"), "DockPage"), validateSearch: (s): { tab?: "containers" | "images" | "events" | "engine" } => drop({ tab: ["images", "events", "engine"].includes(String(s["tab"])) ? (s["tab"] as "images") : undefined }) });
const containers = createRoute({
  getParentRoute: () => app,
  path: "/containers",
  component: lazyRouteComponent(() => import("@/features/containers"), "Containers"),
  validateSearch: (s): ListSearch => drop({ q: text(s["q"]), dock: text(s["dock"]), state: text(s["state"]), owner: text(s["owner"]), mine: flag(s["mine"]), sort: text(s["sort"]), group: s["group"] === "dock" ? ("dock" as const) : undefined }),
});
const create = createRoute({ getParentRoute: () => app, path: "/containers/new", component: lazyRouteComponent(() => import("@/features/create"), "Create"), validateSearch: (s): { dock?: string; image?: string; from?: string; template?: string } => drop({ dock: text(s["dock"]), image: text(s["image"]), from: text(s["from"]), template: text(s["template"]) }) });
const container = createRoute({ getParentRoute: () => app, path: "/containers/$dock/$id", component: lazyRouteComponent(() => import("@/features/container"), "ContainerPage"), validateSearch: (s): { tab?: Tab } => (TABS.includes(String(s["tab"])) ? { tab: s["tab"] as Tab } : {}) });
const logs = createRoute({ getParentRoute: () => app, path: "/logs", component: lazyRouteComponent(() => import("@/features/logs"), "Logs"), validateSearch: (s): { c?: string; q?: string; level?: string; since?: string; dock?: string } => drop({ c: text(s["c"]), q: text(s["q"]), level: text(s["level"]), since: text(s["since"]), dock: text(s["dock"]) }) });
const images = createRoute({ getParentRoute: () => app, path: "/images", component: lazyRouteComponent(() => import("@/features/images"), "Images"), validateSearch: (s): { dock?: string; q?: string; pull?: string; sort?: string } => drop({ dock: text(s["dock"]), q: text(s["q"]), pull: text(s["pull"]), sort: text(s["sort"]) }) });
const networks = createRoute({ getParentRoute: () => app, path: "/networks", component: lazyRouteComponent(() => import("@/features/networks"), "Networks"), validateSearch: (s): { dock?: string; q?: string; sort?: string } => drop({ dock: text(s["dock"]), q: text(s["q"]), sort: text(s["sort"]) }) });
const volumes = createRoute({ getParentRoute: () => app, path: "/volumes", component: lazyRouteComponent(() => import("@/features/volumes"), "Volumes"), validateSearch: (s): { dock?: string; q?: string; sort?: string } => drop({ dock: text(s["dock"]), q: text(s["q"]), sort: text(s["sort"]) }) });
const templates = createRoute({ getParentRoute: () => app, path: "/templates", component: lazyRouteComponent(() => import("@/features/templates"), "Templates"), validateSearch: (s): { q?: string; sort?: string } => drop({ q: text(s["q"]), sort: text(s["sort"]) }) });
const events = createRoute({ getParentRoute: () => app, path: "/events", component: lazyRouteComponent(() => import("@/features/events"), "Events"), validateSearch: (s): { dock?: string; kind?: string; who?: string; q?: string } => drop({ dock: text(s["dock"]), kind: text(s["kind"]), who: text(s["who"]), q: text(s["q"]) }) });
const activity = createRoute({ getParentRoute: () => app, path: "/activity", component: lazyRouteComponent(() => import("@/features/activity"), "Activity"), validateSearch: (s): { state?: string; q?: string; id?: string } => drop({ state: text(s["state"]), q: text(s["q"]), id: text(s["id"]) }) });
const users = page("/users", () => import("@/features/users"), "Users");
const settings = page("/settings", () => import("@/features/settings"), "Settings");
const notFound = page("$", () => import("@/features/not-found"), "NotFound");

export const router = createRouter({
  routeTree: root.addChildren([login, app.addChildren([overview, docks, dock, containers, create, container, logs, images, networks, volumes, templates, events, activity, users, settings, notFound])]),
  context: { qc },
  defaultPreload: "intent",
  defaultErrorComponent: Failure,
  scrollRestoration: true,
});
declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
