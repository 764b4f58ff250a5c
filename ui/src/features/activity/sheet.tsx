// Everything that is known of one request.
import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api/client";
import { usePending } from "@/api/requests";
import type { RequestStatus } from "@/api/types";
import { Copyable } from "@/ui/copy";
import { AnchorLink } from "@/ui/link";
import { nameIn, useNames } from "@/ui/names";
import { useTicking } from "@/ui/time";
import { fullTime, relative, took } from "@/ui/times";
import { Trouble } from "@/ui/trouble";
import { Sheet } from "../resources/sheet";
import { isSlow, ofTab, sentence, title } from "./outcome";
import { Outcome } from "./table";

const AGAIN = 2_000;

export function RequestSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const own = usePending().find(({ requestId }) => requestId === id);
  const { data, error, refetch } = useQuery({ ...q.request(id), refetchInterval: ({ state }) => (state.data?.state === "waiting" ? AGAIN : false) });
  // Of what this tab has just sent it knows more than a node that has not heard of it.
  const known = own && data?.state !== "done" && data?.state !== "failed" ? { ...ofTab(own, null), dock: data?.dock ?? null } : data;
  const names = useNames();
  const request = known && { ...known, name: nameIn(names, known) };
  return (
    <Sheet title={request ? title(request) : "Request"} opened onClose={onClose}>
      {request ? <Known request={request} /> : error ? <Trouble what="The request" error={error} retry={refetch} /> : <Skeleton h={240} aria-label="The request is being read" />}
    </Sheet>
  );
}

const CONTAINERS_GONE = /^(delete|remove)-container$/;

function Known({ request }: { request: RequestStatus }) {
  const slow = useTicking((now) => isSlow(request, now));
  const words = sentence(request, slow);
  const { action, user, dock, id, sent, ended, status, error } = request;
  const facts: [string, React.ReactNode][] = [
    ["Request", <Copyable key="id" text={request.requestId} name="request id" />],
    ["Action", action ?? "Not known"],
    ["Asked for by", user ?? "Not known"],
    ["Dock", dock ? <AnchorLink key="dock" to="/docks/$dock" params={{ dock }} size="sm">{dock}</AnchorLink> : "Not known"],
    ["Sent", sent === null ? "Not known" : <When key="sent" at={sent} />],
    ["Ended", ended === null ? "Not known" : <When key="ended" at={ended} />],
    ["Took", request.took === null ? "Not known" : took(request.took)],
    ["Status", status === null ? "None yet" : `${status}${error ? ` ${error}` : ""}`],
  ];
  return (
    <Stack gap={16}>
      <div>
        <Outcome request={request} />
        {words && <Text mt={8}>{words}</Text>}
        {request.state === "lost" && <Text c="dimmed">It may have been done. Look at what it was about before you ask again.</Text>}
      </div>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {dock && id && action && !CONTAINERS_GONE.test(action) && (
        <AnchorLink to="/containers/$dock/$id" params={{ dock, id }}>
          Open the container
        </AnchorLink>
      )}
    </Stack>
  );
}

function When({ at }: { at: number }) {
  const words = useTicking((now) => relative(at, now));
  return (
    <>
      {fullTime(at)} <span className="dim">· {words}</span>
    </>
  );
}
