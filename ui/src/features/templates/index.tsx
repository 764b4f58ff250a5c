// What containers can be made of: Docker's own JSON, kept under a name.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { IconBoxMultiple, IconPencil, IconPlus, IconTemplate, IconTrash } from "@tabler/icons-react";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import { DataTable, type Column } from "@/ui/data-table";
import { count } from "@/ui/fmt";
import { PageHead } from "@/ui/page-head";
import { fromDocker } from "../create/docker";
import { portText } from "../create/form";
import { WhyButton, WhyIcon } from "../resources/button";
import { confirmRemoval } from "../resources/confirm";
import { ListBody } from "../resources/list-body";
import { lacks, lacksCreate } from "../resources/rights";
import { Typed } from "../resources/typed";
import { TemplateSheet, type Opened } from "./editor";
import "../create/create.css";
import "../resources/resources.css";

interface Row {
  name: string;
  body: Record<string, unknown>;
  image: string;
  /** What of it is said in a line. */
  words: string;
}

function rowOf([name, body]: [string, unknown]): Row {
  const object = body as Record<string, unknown>;
  const { form } = fromDocker(object);
  const words = [
    form.ports.length && `ports ${form.ports.map(portText).join(", ")}`,
    form.env.length && count(form.env.length, "variable"),
    form.volumes.length && count(form.volumes.length, "volume"),
    form.memory && `${form.memory} of memory`,
    form.restart !== "no" && `restarts ${form.restart}`,
  ].filter(Boolean);
  return { name, body: object, image: form.image, words: words.join(" · ") };
}

const NEW = { Image: "nginx:1.29", Env: [], HostConfig: { RestartPolicy: { Name: "unless-stopped" } } };

function remove(name: string) {
  confirmRemoval({
    title: `Remove the template ${name}?`,
    verb: "Remove",
    goes: [name],
    note: "Containers that were made of it stay.",
    onConfirm: () => void send("delete-template", { name }, `template:${name}`, name).then(() => qc.invalidateQueries({ queryKey: q.templates.queryKey })),
  });
}

export function Templates() {
  const search = useSearch({ from: "/app/templates" });
  const navigate = useNavigate({ from: "/templates" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const query = useQuery(q.templates);
  const { data: me } = useQuery(q.me);
  const [opened, setOpened] = useState<Opened | null>(null);

  const rows = Object.entries(query.data ?? {}).map(rowOf);
  const words = (search.q ?? "").toLowerCase().split(/\s+/);
  const shown = rows.filter((row) => words.every((word) => [row.name, row.image].some((text) => text.toLowerCase().includes(word))));
  const mayCreate = lacks(me, "create");
  const mayRemove = lacks(me, "delete");
  const from = (row: Row) => void navigate({ to: "/containers/new", search: { template: row.name } });
  const name = (row: Row) => (
    <span className="name">
      <button type="button" onClick={() => setOpened(row)}>
        {row.name}
      </button>
      <span className="sub mono">{row.image || "without an image"}</span>
    </span>
  );
  const acts = (row: Row) => (
    <span className="acts">
      <WhyIcon label={`Create a container from ${row.name}`} tip="Create a container" why={lacksCreate(me)} icon={<IconBoxMultiple size={17} aria-hidden />} onClick={() => from(row)} />
      <WhyIcon label={`${mayCreate ? "View" : "Edit"} ${row.name}`} tip={mayCreate ? "View" : "Edit"} why={null} icon={<IconPencil size={17} aria-hidden />} onClick={() => setOpened(row)} />
      <WhyIcon label={`Remove ${row.name}`} tip="Remove" why={mayRemove} icon={<IconTrash size={17} aria-hidden />} onClick={() => remove(row.name)} />
    </span>
  );
  const columns: Column<Row>[] = [
    { id: "name", header: "Name", sort: (row) => row.name, cell: name },
    { id: "image", header: "Image", until: 1000, sort: (row) => row.image, cell: (row) => <span className="mono">{row.image || "–"}</span> },
    { id: "words", header: "What it sets", until: 820, cell: (row) => <span className="faint">{row.words || "–"}</span> },
    { id: "acts", header: "Actions", cell: acts },
  ];
  const create = (
    <WhyButton why={mayCreate} leftSection={<IconPlus size={16} />} onClick={() => setOpened({ name: "", body: NEW })}>
      New template
    </WhyButton>
  );
  return (
    <>
      <PageHead title="Templates" actions={create}>
        {query.data && <span className="num">{shown.length === rows.length ? count(rows.length, "template") : `${shown.length} of ${count(rows.length, "template")}`}, for the whole cluster</span>}
      </PageHead>
      <div style={{ marginBottom: 12, maxWidth: 320 }}>
        <Typed aria-label="Filter templates" placeholder="Name, image" value={search.q ?? ""} onChange={(typed) => set({ q: typed || undefined })} />
      </div>
      <ListBody
        what="templates"
        query={query}
        all={rows.length}
        fitting={shown.length}
        icon={IconTemplate}
        first={{ title: "No templates yet", words: "Fill in a container and save it as a template, or write one here. Whoever may create can start from it.", action: create }}
        onClear={() => set({ q: undefined })}
      >
        <DataTable
          label="Templates"
          rows={shown}
          columns={columns}
          rowId={(row) => row.name}
          sort={search.sort ?? "name"}
          onSort={(sort) => set({ sort: sort === "name" ? undefined : sort })}
          card={(row) => (
            <>
              {name(row)}
              <div className="card-foot">
                <span className="meta">{row.words}</span>
                {acts(row)}
              </div>
            </>
          )}
        />
      </ListBody>
      <TemplateSheet opened={opened} taken={rows.map((row) => row.name)} why={mayCreate} onClose={() => setOpened(null)} />
    </>
  );
}
