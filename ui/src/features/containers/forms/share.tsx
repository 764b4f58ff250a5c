import { Button, Checkbox, Group, SegmentedControl, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { call, qc } from "@/api/client";
import { act } from "@/api/requests";
import type { Access, Instance } from "@/api/types";
import { Footer } from "./footer";
import type { FormProps } from "./index";

interface Sharing {
  owner: string | null;
  users: Record<string, Access[]>;
  groups: Record<string, Access[]>;
}
type Kind = "user" | "group";

const RIGHTS: [Access, string][] = [
  ["view", "see it and its log"],
  ["operate", "start and stop it"],
  ["exec", "run commands in it"],
  ["delete", "remove it"],
];

const sharing = (instance: Instance) =>
  queryOptions({ queryKey: ["sharing", instance.id], queryFn: () => call<Sharing>("inspect-instance", { id: instance.id, dock: instance.dock }), staleTime: 0 });

async function share(instance: Instance, kind: Kind, who: string, rights: Access[]) {
  await act(instance, "share-instance", { [kind]: who, rights });
  await qc.invalidateQueries({ queryKey: ["sharing", instance.id] });
}

function Sharers({ instance }: { instance: Instance }) {
  const { data, error } = useQuery(sharing(instance));
  if (error) return <Text size="sm">Who shares it could not be read: {error.message}</Text>;
  if (!data) return <Skeleton h={40} />;
  const all = [...Object.entries(data.users).map(([who, rights]) => ["user", who, rights] as const), ...Object.entries(data.groups).map(([who, rights]) => ["group", who, rights] as const)];
  if (all.length === 0) return <Text size="sm" c="dimmed">Nobody shares it yet.</Text>;
  return (
    <ul className="dialog-names">
      {all.map(([kind, who, rights]) => (
        <li key={`${kind} ${who}`}>
          <Group justify="space-between" wrap="nowrap" gap={8}>
            <span>
              <b>{who}</b> <span className="dim">{kind === "group" ? "(group) " : ""}{rights.join(", ")}</span>
            </span>
            <Button size="compact-xs" variant="default" aria-label={`No longer share with ${who}`} onClick={() => void share(instance, kind, who, [])}>
              End
            </Button>
          </Group>
        </li>
      ))}
    </ul>
  );
}

export function Share({ instance, close }: FormProps) {
  const form = useForm({
    initialValues: { kind: "user" as Kind, who: "", rights: ["view"] as Access[] },
    validate: { who: (who) => (who.trim() ? null : "With whom?"), rights: (rights) => (rights.length ? null : "At least one right") },
  });
  const submit = form.onSubmit(({ kind, who, rights }) => {
    void share(instance, kind, who.trim(), rights);
    form.setFieldValue("who", "");
  });
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        <Sharers instance={instance} />
        <SegmentedControl aria-label="With a user or a group" data={[{ value: "user", label: "A user" }, { value: "group", label: "A group" }]} {...form.getInputProps("kind")} />
        <TextInput label={form.values.kind === "user" ? "User" : "Group"} data-autofocus autoComplete="off" spellCheck={false} {...form.getInputProps("who")} />
        <Checkbox.Group label="May" {...form.getInputProps("rights")}>
          <Stack gap={6} mt={4}>
            {RIGHTS.map(([right, label]) => (
              <Checkbox key={right} value={right} label={label} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Text size="sm" c="dimmed">These rights take the place of those that they had.</Text>
      </Stack>
      <Footer verb="Share" close={close} />
    </form>
  );
}
