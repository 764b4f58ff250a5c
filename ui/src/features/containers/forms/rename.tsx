import { TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { act } from "@/api/requests";
import { Footer } from "./footer";
import type { FormProps } from "./index";

/** As Docker takes names. */
const NAME = /^[a-zA-Z0-9][\w.-]+$/;

export function Rename({ instance, close }: FormProps) {
  const form = useForm({
    initialValues: { name: instance.name },
    validate: { name: (name) => (NAME.test(name.trim()) ? null : "Letters, digits, _ . and -, two at least, the first a letter or a digit") },
  });
  const submit = form.onSubmit(({ name }) => {
    void act(instance, "rename-container", { name: name.trim() });
    close();
  });
  return (
    <form onSubmit={submit}>
      <TextInput label="Name" data-autofocus autoComplete="off" spellCheck={false} {...form.getInputProps("name")} />
      <Footer verb="Rename" close={close} disabled={form.values.name.trim() === instance.name} />
    </form>
  );
}
