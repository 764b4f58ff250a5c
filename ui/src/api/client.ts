// How the UI speaks to a node: fetch with problems as errors, and the queries that screens share.
import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import type { Docks, Events, Images, Instance, Instances, Me, Networks, Node, Problem, Requests, RequestStatus, SessionList, Tokens, Users, Volumes } from "./types";

const BASE = "/api/v1";

/** By name: each what the action put-template keeps. */
export type Templates = Record<string, unknown>;

/** What a node or a worker refused, or why it could not be asked; `requestId` helps to find it in the activity. */
export class ApiError extends Error {
  constructor(
    public status: number,
    public code: string,
    message: string,
    public requestId: string | null = null,
  ) {
    super(message);
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => null)) as Problem | null;
  return new ApiError(response.status, problem?.code ?? "unknown", problem?.detail ?? `the node answered ${response.status}`, problem?.requestId ?? null);
}

/** Somebody whose session has ended logs in again, and comes back to the same place. */
let onUnauthenticated = () => {};
export const whenUnauthenticated = (run: () => void) => {
  onUnauthenticated = run;
};

export async function api<T>(path: string, init: RequestInit & { json?: unknown } = {}): Promise<T> {
  const { json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (json !== undefined) headers.set("content-type", "application/json");
  let response: Response;
  try {
    response = await fetch(BASE + path, { credentials: "same-origin", ...rest, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
  } catch {
    throw new ApiError(0, "unreachable", "The node does not answer. It is asked again by itself.");
  }
  if (!response.ok) {
    const error = await refusal(response);
    if (error.status === 401 && path !== "/login" && path !== "/me") onUnauthenticated();
    throw error;
  }
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** A query string of what is there. */
export function query(fields: Record<string, string | number | boolean | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null && value !== "" && value !== false) search.set(name, String(value));
  const text = search.toString();
  return text ? `?${text}` : "";
}

const retry = (count: number, error: Error) => count < 3 && !(error instanceof ApiError && error.status >= 400 && error.status < 500);
export const qc = new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry, refetchOnWindowFocus: false } } });

/** Which instances, in which order. */
export interface InstanceFilter {
  q?: string | undefined;
  dock?: string | undefined;
  state?: string | undefined;
  owner?: string | undefined;
  mine?: boolean | undefined;
  sort?: string | undefined;
}
export const PAGE = 200;

export const q = {
  node: queryOptions({ queryKey: ["node"], queryFn: () => api<Node>("/node"), staleTime: Infinity }),
  me: queryOptions({ queryKey: ["me"], queryFn: () => api<Me>("/me"), staleTime: 300_000 }),
  docks: queryOptions({ queryKey: ["docks"], queryFn: () => api<Docks>("/docks") }),
  /** Page by page; /api/v1/live patches the rows, and has the pages read again when rows come or go. */
  instances: (filter: InstanceFilter) =>
    infiniteQueryOptions({
      queryKey: ["instances", "list", filter],
      queryFn: ({ pageParam }) => api<Instances>(`/instances${query({ ...filter, offset: pageParam, limit: PAGE })}`),
      initialPageParam: 0,
      getNextPageParam: (last: Instances, pages: Instances[]) => (pages.length * PAGE < last.total ? pages.length * PAGE : undefined),
    }),
  instance: (dock: string, id: string) => queryOptions({ queryKey: ["instances", "one", dock, id], queryFn: () => api<Instance>(`/instances/${encodeURIComponent(dock)}/${encodeURIComponent(id)}`) }),
  events: (filter: { dock?: string | undefined; kind?: string | undefined; q?: string | undefined; who?: string | undefined; id?: string | undefined }) =>
    queryOptions({ queryKey: ["events", filter], queryFn: () => api<Events>(`/events${query({ ...filter, limit: 300 })}`) }),
  requests: queryOptions({ queryKey: ["requests"], queryFn: () => api<Requests>("/requests?limit=300") }),
  request: (id: string) => queryOptions({ queryKey: ["requests", id], queryFn: () => api<RequestStatus>(`/requests/${encodeURIComponent(id)}`) }),
  images: queryOptions({ queryKey: ["images"], queryFn: () => everything<Images, "images">("/images", "images") }),
  networks: queryOptions({ queryKey: ["networks"], queryFn: () => everything<Networks, "networks">("/networks", "networks") }),
  volumes: queryOptions({ queryKey: ["volumes"], queryFn: () => everything<Volumes, "volumes">("/volumes", "volumes") }),
  templates: queryOptions({ queryKey: ["templates"], queryFn: () => api<Templates>("/templates") }),
  users: queryOptions({ queryKey: ["users"], queryFn: () => api<Users>("/users") }),
  tokens: queryOptions({ queryKey: ["tokens"], queryFn: () => api<Tokens>("/tokens") }),
  /** Of a user, or one's own. */
  sessions: (user?: string) => queryOptions({ queryKey: ["sessions", user ?? null], queryFn: () => api<SessionList>(`/sessions${query({ user })}`) }),
};

/** All pages of a list. */
async function everything<T extends { cursor?: string }, K extends keyof T>(path: string, rows: K): Promise<T> {
  const whole = await api<T>(path);
  let { cursor } = whole;
  for (let pages = 0; cursor && pages < 50; pages++) {
    const next = await api<T>(`${path}${query({ cursor })}`);
    (whole[rows] as unknown[]).push(...(next[rows] as unknown[]));
    cursor = next.cursor;
  }
  return whole;
}

/** Calls an action and waits for Docker's own answer (the body of the reply). */
export async function call<T = unknown>(action: string, fields: Record<string, unknown> = {}): Promise<T> {
  const reply = await api<{ Response?: { Body?: T } | "" }>(`/actions/${action}`, { method: "POST", json: fields });
  return (typeof reply?.Response === "object" ? reply.Response.Body : undefined) as T;
}
