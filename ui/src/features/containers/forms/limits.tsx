import { Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { act } from "@/api/requests";
import { Footer } from "./footer";
import type { FormProps } from "./index";

const MEMORY = /^\d+(\.\d+)?\s*[bkmg]?$/i;
const POLICIES = [
  { value: "no", label: "never" },
  { value: "on-failure", label: "when it fails" },
  { value: "unless-stopped", label: "unless it was stopped" },
  { value: "always", label: "always" },
];

/** What is left empty stays as it is. */
export function Limits({ instance, close }: FormProps) {
  const form = useForm({
    initialValues: { memory: "", cpus: "", restart: null as string | null },
    validate: {
      memory: (memory) => (!memory.trim() || MEMORY.test(memory.trim()) ? null : "Such as 512m or 2g"),
      cpus: (cpus) => (!cpus.trim() || Number(cpus) > 0 ? null : "A number above 0, such as 1.5"),
    },
  });
  const { memory, cpus, restart } = form.values;
  const submit = form.onSubmit(() => {
    void act(instance, "update-container", {
      ...(memory.trim() ? { memory: memory.trim().replaceAll(/\s/g, "") } : {}),
      ...(cpus.trim() ? { cpus: Number(cpus) } : {}),
      ...(restart ? { restart } : {}),
    });
    close();
  });
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        <TextInput label="Memory" description="The most it may use" placeholder="as it is" data-autofocus {...form.getInputProps("memory")} />
        <TextInput label="Processors" description="The most it may use" placeholder="as it is" inputMode="decimal" {...form.getInputProps("cpus")} />
        <Select label="Restart" placeholder="as it is" clearable data={POLICIES} {...form.getInputProps("restart")} />
      </Stack>
      <Footer verb="Change" close={close} disabled={!memory.trim() && !cpus.trim() && !restart} />
    </form>
  );
}
