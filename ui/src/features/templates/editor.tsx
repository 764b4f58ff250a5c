// The JSON of a template: seen, changed, and said where it is wrong.
import { useRef, useState } from "react";
import { Button, Group, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { RequestStatus } from "@/api/types";
import { useDraft } from "@/app/drafts";
import { WhyButton } from "../resources/button";
import { Problem } from "../resources/frame";
import { Sheet } from "../resources/sheet";
import { readTemplate } from "./json";

export interface Opened {
  /** Empty for a new one. */
  name: string;
  body: unknown;
}

interface Props {
  opened: Opened | null;
  /** The names that there are. */
  taken: string[];
  why: string | null;
  onClose: () => void;
}

const NAME = /^[\w.-]{1,128}$/;
const pretty = (body: unknown) => JSON.stringify(body, null, 2);

export function TemplateSheet({ opened, onClose, ...props }: Props) {
  return (
    <Sheet title={opened ? opened.name || "New template" : ""} opened={!!opened} onClose={onClose} size={640}>
      {opened && <Editor key={opened.name} of={opened} onDone={onClose} {...props} />}
    </Sheet>
  );
}

function Editor({ of, taken, why, onDone }: Omit<Props, "opened" | "onClose"> & { of: Opened; onDone: () => void }) {
  const draft = useDraft(`template ${of.name}`, { name: of.name, text: pretty(of.body) });
  const { name, text } = draft.value;
  const [failed, setFailed] = useState<RequestStatus | null>(null);
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const read = readTemplate(text);
  const fault = "fault" in read ? read : null;
  const wrongName = name && !NAME.test(name) ? "1 to 128 letters, digits, . _ -" : null;
  const replaces = name !== of.name && taken.includes(name);
  const no = why ?? (!name ? "It needs a name." : (wrongName ?? (fault && `Line ${fault.line}: ${fault.fault}.`)));
  const save = async () => {
    if ("fault" in read) return;
    setBusy(true);
    setFailed(null);
    const end = await send("put-template", { name, body: read.value }, `template:${name}`, name);
    setBusy(false);
    void qc.invalidateQueries({ queryKey: q.templates.queryKey });
    if (end.state !== "done") return setFailed(end);
    draft.clear();
    notifications.show({ title: `The template ${name} is kept`, message: "Containers that were made of it stay as they are." });
    onDone();
  };
  const go = () => {
    if (!fault || !area.current) return;
    const at = text.split("\n").slice(0, fault.line - 1).join("\n").length + (fault.line > 1 ? 1 : 0) + fault.column - 1;
    area.current.focus();
    area.current.setSelectionRange(at, Math.min(at + 1, text.length));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!no && !busy) void save();
      }}
    >
      <Stack gap={14}>
        {failed && <Problem title="Not kept." message={failed.message ?? "Nothing is known of how it ended."} requestId={failed.requestId} />}
        {draft.restored && (
          <Group className="note" gap={8} role="status">
            You had begun to change it; it is as you left it.
            <Button variant="subtle" size="compact-sm" onClick={draft.clear}>
              Begin anew
            </Button>
          </Group>
        )}
        <TextInput label="Name" value={name} error={wrongName} readOnly={!!why} onChange={({ currentTarget: { value } }) => draft.set((old) => ({ ...old, name: value }))} className="mono-input" />
        <Textarea
          ref={area}
          label="Docker's create-container JSON"
          autosize
          minRows={12}
          maxRows={26}
          value={text}
          readOnly={!!why}
          error={!!fault}
          aria-describedby="template-fault"
          onChange={({ currentTarget: { value } }) => draft.set((old) => ({ ...old, text: value }))}
          className="mono-input code-area"
          spellCheck={false}
          wrap="off"
        />
        <p id="template-fault" className={fault ? "wrong" : "faint"} role="status" style={{ margin: 0 }}>
          {fault ? (
            <>
              <button type="button" className="text-button" onClick={go}>
                Line {fault.line}, column {fault.column}
              </button>
              : {fault.fault}.
            </>
          ) : (
            (why ?? "It is valid JSON. What Docker makes of it is seen when a container is created.")
          )}
        </p>
        {replaces && <Text size="sm">A template of that name is there already. It is replaced.</Text>}
        <Group gap={8}>
          <WhyButton type="submit" why={no} loading={busy} onClick={() => {}}>
            {replaces ? "Replace" : "Save"}
          </WhyButton>
          <Button
            variant="default"
            disabled={!!fault || !!why}
            onClick={() => {
              if ("value" in read) draft.set((old) => ({ ...old, text: pretty(read.value) }));
            }}
          >
            Tidy up
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
