// A new container, on one page.
import { useState } from "react";
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { IconLock } from "@tabler/icons-react";
import { q } from "@/api/client";
import { useDraft } from "@/app/drafts";
import { AnchorLink } from "@/ui/link";
import { PageHead } from "@/ui/page-head";
import { Trouble } from "@/ui/trouble";
import { useDocks } from "../resources/frame";
import { lacksCreate } from "../resources/rights";
import { check, type Form } from "./form";
import { Paste } from "./paste";
import { Placement } from "./placement";
import { isMissing, useCreate } from "./run";
import { What, Inside, Limits, More } from "./sections";
import { useSource, type Search, type Source } from "./source";
import { Begun, Summary } from "./summary";
import "./create.css";

export function Create() {
  const search = useSearch({ from: "/app/containers/new" });
  const { source, error, refetch } = useSource(search);
  return (
    <>
      <nav aria-label="Breadcrumb" className="faint">
        <AnchorLink to="/containers" c="dimmed" fz={13}>
          Containers
        </AnchorLink>
      </nav>
      <PageHead title="Create a container">{search.template ? `From the template ${search.template}` : search.from ? "Like one that there is" : "Anything from an image's name to a whole docker run line will do"}</PageHead>
      {source ? (
        // Each beginning has a draft of its own.
        <CreateForm key={JSON.stringify(search)} search={search} source={source} />
      ) : error ? (
        <Trouble what={search.template ? "The template" : "The container"} error={error} retry={refetch} />
      ) : (
        <div className="create" aria-label="Reading" role="status">
          <div className="main">
            <Skeleton height={200} radius="lg" />
            <Skeleton height={200} radius="lg" />
          </div>
          <Skeleton height={240} radius="lg" />
        </div>
      )}
    </>
  );
}

function origin(search: Search, { leftOut }: Source): string | null {
  const names = leftOut.join(", ");
  if (search.template && !search.from) return names ? `What the form does not show comes from the template all the same: ${names}.` : null;
  return search.from && names ? `Not taken over, as the form has no place for it: ${names}.` : null;
}

function CreateForm({ search, source }: { search: Search; source: Source }) {
  const key = Object.values(search).join(" ");
  const draft = useDraft<Form>(key ? `create ${key}` : "create", source.form);
  const template = search.from ? undefined : search.template;
  const { phase, refused, run, blame } = useCreate(template, draft.clear);
  const { data: me } = useQuery(q.me);
  const { data: images } = useQuery(q.images);
  const docks = useDocks();
  const [tried, setTried] = useState(false);
  const form = draft.value;
  const put = (change: Partial<Form>) => draft.set((old) => ({ ...old, ...change }));
  const own = check(form, template);
  const wrong = { ...(tried ? own : {}), ...blame(form) };
  const why = lacksCreate(me);
  const sections = { form, put, wrong };
  const known = images?.images.flatMap((row) => row.tags) ?? [];
  return (
    <>
      {why && (
        <div className="note" role="status">
          <IconLock size={18} aria-hidden />
          <span>{why}</span>
        </div>
      )}
      <Begun restored={draft.restored} onClear={draft.clear} words={origin(search, source)} />
      <form
        className="create"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (Object.keys(own).length === 0 && phase === "idle" && !why) void run(form);
        }}
      >
        <div className="main">
          <What {...sections} images={known} template={template} />
          <Placement {...sections} docks={docks} />
          <Inside {...sections} />
          <Limits {...sections} />
          <More {...sections} />
        </div>
        <aside>
          <Paste onRead={(read) => put({ ...read, dock: form.dock, dockLabels: form.dockLabels, instances: form.instances })} />
          <Summary form={form} template={template} missing={isMissing(form, images)} phase={phase} refused={refused} wrong={tried ? own : {}} why={why} />
        </aside>
      </form>
    </>
  );
}
