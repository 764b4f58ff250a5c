import { Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { act } from "@/api/requests";
import { Footer } from "./footer";
import type { FormProps } from "./index";

export function Give({ instance, close }: FormProps) {
  const form = useForm({ initialValues: { owner: "" }, validate: { owner: (owner) => (owner.trim() ? null : "To whom?") } });
  const submit = form.onSubmit(({ owner }) => {
    void act(instance, "chown-instance", { owner: owner.trim() });
    close();
  });
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        <Text size="sm">
          {instance.name} is {instance.mine ? "yours" : instance.owner === null ? "nobody's" : `${instance.owner}'s`}. The other user has to accept it, unless you are an operator. From then on it counts in their quota, only they can give it back, and your own shares of it end.
        </Text>
        <TextInput label="User" data-autofocus autoComplete="off" spellCheck={false} {...form.getInputProps("owner")} />
      </Stack>
      <Footer verb="Give away" close={close} />
    </form>
  );
}
