import { Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { act } from "@/api/requests";
import { Footer } from "./footer";
import type { FormProps } from "./index";

const PULL = [
  { value: "always", label: "always" },
  { value: "missing", label: "if it is not there" },
  { value: "never", label: "never" },
];

export function Recreate({ instance, close }: FormProps) {
  const form = useForm({ initialValues: { image: instance.image, pull: "always" }, validate: { image: (image) => (image.trim() ? null : "Which image?") } });
  const submit = form.onSubmit(({ image, pull }) => {
    void act(instance, "recreate-container", { image: image.trim(), pull });
    close();
  });
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        <Text size="sm">A new container like it is made from the image, and takes its place. If that does not become healthy, the old one comes back.</Text>
        <TextInput label="Image" data-autofocus spellCheck={false} {...form.getInputProps("image")} />
        <Select label="Fetch the image" data={PULL} allowDeselect={false} {...form.getInputProps("pull")} />
      </Stack>
      <Footer verb="Recreate" close={close} />
    </form>
  );
}
