// A new network.
import { Checkbox, Select, Textarea, TextInput } from "@mantine/core";
import { useDraft } from "@/app/drafts";
import { CreateForm, readPairs, type Base } from "../resources/create-sheet";
import { Sheet } from "../resources/sheet";

interface Typed extends Base {
  driver: string;
  subnet: string;
  internal: boolean;
  attachable: boolean;
  labels: string;
}

const NEW: Typed = { name: "", docks: [], driver: "bridge", subnet: "", internal: false, attachable: false, labels: "" };
const SUBNET = /^[0-9a-f.:]+\/\d{1,3}$/i;

export function CreateNetwork({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Sheet title="Create a network" opened={opened} onClose={onClose}>
      <Fields onDone={onClose} />
    </Sheet>
  );
}

function Fields({ onDone }: { onDone: () => void }) {
  const draft = useDraft("network", NEW);
  const { value, set } = draft;
  const put = (change: Partial<Typed>) => set((old) => ({ ...old, ...change }));
  const subnetWrong = value.subnet && !SUBNET.test(value.subnet.trim()) ? "An address with a prefix, such as 10.1.0.0/24." : null;
  const labelsWrong = readPairs(value.labels) ? null : "A line begins with a name.";
  return (
    <CreateForm
      what="network"
      draft={draft}
      check={() => subnetWrong ?? labelsWrong}
      fields={({ driver, subnet, internal, attachable, labels }) => ({
        driver,
        ...(subnet.trim() ? { ipam: { Config: [{ Subnet: subnet.trim() }] } } : {}),
        ...(internal ? { internal } : {}),
        ...(attachable ? { attachable } : {}),
        labels: readPairs(labels) ?? {},
      })}
      onDone={onDone}
    >
      <Select label="Driver" data={["bridge", "overlay", "macvlan", "ipvlan"]} value={value.driver} allowDeselect={false} onChange={(driver) => put({ driver: driver ?? "bridge" })} />
      <TextInput label="Subnet" placeholder="Docker chooses one" value={value.subnet} error={subnetWrong} onChange={(event) => put({ subnet: event.currentTarget.value })} className="mono-input" />
      <Checkbox label="Internal" description="Without a way out of the dock." checked={value.internal} onChange={(event) => put({ internal: event.currentTarget.checked })} />
      <Checkbox label="Attachable" description="Containers may join it by hand; for overlay networks." checked={value.attachable} onChange={(event) => put({ attachable: event.currentTarget.checked })} />
      <Textarea label="Labels" placeholder="team=web" description="NAME=VALUE, a line each." autosize minRows={2} value={value.labels} error={labelsWrong} onChange={(event) => put({ labels: event.currentTarget.value })} className="mono-input" />
    </CreateForm>
  );
}
