// Changes the labels of a dock.
import { useState } from "react";
import { Group, Stack, Text, Textarea } from "@mantine/core";
import type { Dock } from "@/api/types";
import { WhyButton } from "../resources/button";
import { Sheet } from "../resources/sheet";
import { changes, fromText, toText } from "./label-changes";

interface Props {
  dock: Dock;
  onClose: () => void;
  onSave: (changed: Record<string, string>) => void;
}

export function LabelSheet({ dock, onClose, onSave }: Props) {
  const [text, setText] = useState(() => toText(dock.labels));
  const read = fromText(text);
  const changed = "labels" in read ? changes(dock.labels, read.labels) : {};
  const bad = "bad" in read ? `“${read.bad}” is not NAME=VALUE` : null;
  const why = bad ?? (Object.keys(changed).length ? null : "Nothing has changed.");
  return (
    <Sheet title={`Labels of ${dock.name}`} opened onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!why) onSave(changed);
        }}
      >
        <Stack gap={16}>
          <Textarea
            label="Labels"
            description="One NAME=VALUE a line. A new container can ask for a dock that has them."
            autosize
            minRows={4}
            value={text}
            error={bad}
            onChange={(event) => setText(event.currentTarget.value)}
            className="mono-input"
            data-autofocus
          />
          <Text size="sm" c="dimmed">
            A label that the worker itself was started with comes back when it is taken away here.
          </Text>
          <Group>
            <WhyButton type="submit" why={why} onClick={() => {}}>
              Save labels
            </WhyButton>
          </Group>
        </Stack>
      </form>
    </Sheet>
  );
}
