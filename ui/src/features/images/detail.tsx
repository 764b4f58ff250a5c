// One image: what it is called where, who uses it, and a further name for it.
import { useState } from "react";
import { Group, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { IconTag } from "@tabler/icons-react";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import { Copyable } from "@/ui/copy";
import { bytes } from "@/ui/fmt";
import { Ago } from "@/ui/time";
import { WhyButton } from "../resources/button";
import { DocksChoice } from "../resources/docks-choice";
import { useDocks } from "../resources/frame";
import { lacks, silent } from "../resources/rights";
import { Sheet } from "../resources/sheet";
import { nameOf, short, type ImageGroup } from "./group";

export function ImageSheet({ group, onClose }: { group: ImageGroup | null; onClose: () => void }) {
  return (
    <Sheet title={group ? nameOf(group) : ""} opened={!!group} onClose={onClose} size={520}>
      {group && <Detail group={group} />}
    </Sheet>
  );
}

function Detail({ group }: { group: ImageGroup }) {
  return (
    <Stack gap={22}>
      <dl className="facts">
        <dt>Names</dt>
        <dd className="mono">{group.tags.length ? group.tags.map((tag) => <div key={tag}>{tag}</div>) : "none (dangling)"}</dd>
        <dt>Id</dt>
        <dd>
          <Copyable text={group.key} short={short(group.key)} name="image id" />
        </dd>
        {group.digests.length > 0 && (
          <>
            <dt>Digests</dt>
            <dd className="mono">{group.digests.map((digest) => <div key={digest}>{digest}</div>)}</dd>
          </>
        )}
        <dt>Size</dt>
        <dd>{bytes(group.size)}</dd>
        <dt>Built</dt>
        <dd>
          <Ago at={group.created * 1_000} />
        </dd>
        <dt>On</dt>
        <dd>{group.rows.map((row) => row.dock).join(", ")}</dd>
      </dl>
      <section>
        <h3 className="small-head">In use by</h3>
        {group.users.length === 0 && <p className="faint">No container that is known.</p>}
        <ul className="plain">
          {group.users.map((one) => (
            <li key={one.id}>
              <Link className="plain-link" to="/containers/$dock/$id" params={{ dock: one.dock, id: one.id }}>
                {one.name}
              </Link>{" "}
              <span className="faint">on {one.dock}</span>
            </li>
          ))}
        </ul>
      </section>
      {group.tags.length > 0 && <Tag group={group} />}
    </Stack>
  );
}

/** `registry/name:tag` as the name and the tag that Docker wants apart. */
export function cut(name: string): { repo: string; tag: string } {
  const at = name.lastIndexOf(":");
  return at > name.lastIndexOf("/") ? { repo: name.slice(0, at), tag: name.slice(at + 1) } : { repo: name, tag: "latest" };
}

function Tag({ group }: { group: ImageGroup }) {
  const docks = useDocks().filter((dock) => group.rows.some((row) => row.dock === dock.name));
  const { data: me } = useQuery(q.me);
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState(() => docks.filter((dock) => !silent(dock)).map((dock) => dock.name));
  const [busy, setBusy] = useState(false);
  const why = lacks(me, "operate") ?? (!name.trim() ? "Which name?" : chosen.length === 0 ? "Choose at least one dock." : busy ? "It is being named." : null);
  const tag = async () => {
    setBusy(true);
    const { repo, tag } = cut(name.trim());
    const ends = await Promise.all(chosen.map((dock) => send("tag-image", { dock, image: group.rows.find((row) => row.dock === dock)?.id ?? group.key, repo, tag }, `image:${group.key}`, name.trim())));
    setBusy(false);
    if (ends.every((end) => end.state === "done")) setName("");
    void qc.invalidateQueries({ queryKey: q.images.queryKey });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!why) void tag();
      }}
    >
      <h3 className="small-head">A further name</h3>
      <Stack gap={12}>
        <TextInput label="Name" placeholder="registry.example.com/team/web:1" value={name} onChange={(event) => setName(event.currentTarget.value)} className="mono-input" />
        {docks.length > 1 && <DocksChoice legend="On" docks={docks} chosen={chosen} onChange={setChosen} why={silent} />}
        <Group>
          <WhyButton type="submit" variant="default" why={why} loading={busy} leftSection={<IconTag size={16} />} onClick={() => {}}>
            Add the name
          </WhyButton>
        </Group>
      </Stack>
    </form>
  );
}
