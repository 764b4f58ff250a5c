// What has been asked for: what is under way, and how the rest ended.
import { useRef } from "react";
import { Button, Group, SegmentedControl } from "@mantine/core";
import { infiniteQueryOptions, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconActivity, IconSearch } from "@tabler/icons-react";
import { useKeys } from "@/app/keys";
import { api, q, query } from "@/api/client";
import { usePending } from "@/api/requests";
import type { Requests, RequestStatus } from "@/api/types";
import { nameIn, useNames } from "@/ui/names";
import { PageHead } from "@/ui/page-head";
import { Empty, Trouble } from "@/ui/trouble";
import { Rows } from "../resources/frame";
import { Typed } from "../resources/typed";
import { ofTab, title, together } from "./outcome";
import { RequestSheet } from "./sheet";
import { RequestTable } from "./table";

const PAGE = 100;
const STATES = [
  { value: "", label: "All" },
  { value: "waiting", label: "In flight" },
  { value: "done", label: "Done" },
  { value: "failed", label: "Failed" },
  { value: "lost", label: "Lost" },
];

interface Filter {
  q?: string | undefined;
  state?: string | undefined;
}

/** By when they ended, or were sent, the newest first. */
const time = (request: RequestStatus | undefined) => request?.ended ?? request?.sent ?? undefined;
const list = (filter: Filter) =>
  infiniteQueryOptions({
    queryKey: ["requests", "list", filter],
    queryFn: ({ pageParam }) => api<Requests>(`/requests${query({ ...filter, limit: PAGE, before: pageParam })}`),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last: Requests) => (last.more ? time(last.requests.at(-1)) : undefined),
  });

export function Activity() {
  const search = useSearch({ from: "/app/activity" });
  const navigate = useNavigate();
  const set = (change: { [field in keyof typeof search]?: string | undefined }) =>
    void navigate({ to: "/activity", search: (before) => Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)), replace: !("id" in change) });
  const { data: me } = useQuery(q.me);
  const input = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => input.current?.focus() });
  const filter = { q: search.q, state: search.state };
  return (
    <>
      <PageHead title="Activity">{me && (me.user === null || me.operatesAll ? "What everybody asked for, and how it ended" : "What you asked for, and how it ended")}</PageHead>
      <Group gap={8} mb={12} className="request-filters">
        <Typed
          ref={input}
          aria-label="Filter requests"
          placeholder="Name, action, user, request id"
          leftSection={<IconSearch size={15} />}
          value={search.q ?? ""}
          onChange={(words) => set({ q: words })}
          style={{ flex: "1 1 220px", maxWidth: 320 }}
        />
        <SegmentedControl aria-label="State" data={STATES} value={search.state ?? ""} onChange={(state) => set({ state })} />
      </Group>
      <List filter={filter} user={me?.user ?? null} onOpen={(id) => set({ id })} onClear={search.q || search.state ? () => void navigate({ to: "/activity", search: {} }) : undefined} />
      {search.id && <RequestSheet id={search.id} onClose={() => set({ id: undefined })} />}
    </>
  );
}

interface ListProps {
  filter: Filter;
  user: string | null;
  onOpen: (id: string) => void;
  onClear: (() => void) | undefined;
}

function List({ filter, user, onOpen, onClear }: ListProps) {
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(list(filter));
  const pending = usePending();
  const names = useNames();
  if (!data) return error ? <Trouble what="The requests" error={error} retry={refetch} /> : <Rows />;
  const fits = (request: RequestStatus) => (!filter.state || filter.state === "waiting") && (!filter.q || `${title(request)} ${request.requestId}`.toLowerCase().includes(filter.q.toLowerCase()));
  const requests = together(
    pending.map((one) => ofTab(one, user)).filter(fits),
    data.pages.flatMap((page) => page.requests),
  ).map((request) => ({ ...request, name: nameIn(names, request) }));
  if (requests.length === 0) return <None onClear={onClear} />;
  return (
    <>
      <RequestTable requests={requests} onOpen={onOpen} />
      {hasNextPage && (
        <Button mt={12} variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Read older ones
        </Button>
      )}
    </>
  );
}

function None({ onClear }: { onClear: (() => void) | undefined }) {
  if (!onClear) {
    return (
      <Empty icon={IconActivity} title="Nothing was asked for yet">
        <p>What is started, stopped, created or removed appears here, with its request id and how it ended.</p>
      </Empty>
    );
  }
  return (
    <Empty
      icon={IconActivity}
      title="No request fits"
      action={
        <Button variant="default" onClick={onClear}>
          Clear filters
        </Button>
      }
    />
  );
}
