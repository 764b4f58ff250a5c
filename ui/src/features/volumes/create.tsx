// A new volume.
import { Textarea, TextInput } from "@mantine/core";
import { useDraft } from "@/app/drafts";
import { CreateForm, readPairs, type Base } from "../resources/create-sheet";
import { Sheet } from "../resources/sheet";

interface Typed extends Base {
  driver: string;
  options: string;
  labels: string;
}

const NEW: Typed = { name: "", docks: [], driver: "local", options: "", labels: "" };

export function CreateVolume({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Sheet title="Create a volume" opened={opened} onClose={onClose}>
      <Fields onDone={onClose} />
    </Sheet>
  );
}

function Fields({ onDone }: { onDone: () => void }) {
  const draft = useDraft("volume", NEW);
  const { value, set } = draft;
  const put = (change: Partial<Typed>) => set((old) => ({ ...old, ...change }));
  const wrong = (text: string) => (readPairs(text) ? null : "A line begins with a name.");
  return (
    <CreateForm
      what="volume"
      draft={draft}
      nameless
      check={({ options, labels }) => wrong(options) ?? wrong(labels)}
      fields={({ driver, options, labels }) => ({ driver: driver.trim() || "local", options: readPairs(options) ?? {}, labels: readPairs(labels) ?? {} })}
      onDone={onDone}
    >
      <TextInput label="Driver" value={value.driver} onChange={(event) => put({ driver: event.currentTarget.value })} className="mono-input" />
      <Textarea label="Options of the driver" placeholder={"type=nfs\no=addr=10.0.0.2,rw\ndevice=:/export"} description="NAME=VALUE, a line each." autosize minRows={2} value={value.options} error={wrong(value.options)} onChange={(event) => put({ options: event.currentTarget.value })} className="mono-input" />
      <Textarea label="Labels" placeholder="team=web" description="NAME=VALUE, a line each." autosize minRows={2} value={value.labels} error={wrong(value.labels)} onChange={(event) => put({ labels: event.currentTarget.value })} className="mono-input" />
    </CreateForm>
  );
}
