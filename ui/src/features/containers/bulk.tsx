// What is done to several at once: to those that are marked and listed, and to no other.
import { ActionBar, Button, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { IconFileText, IconPlayerPlay, IconPlayerStop, IconRefresh, IconTrash } from "@tabler/icons-react";
import type { Instance } from "@/api/types";
import { write } from "@/features/logs/chosen";
import { openDialog } from "./dialogs";
import type { Marks } from "./marks";
import { isOn, REMOVE, RESTART, START, STOP, whyNot, type Verb } from "./verbs";

const BULK: { verb: Verb; dialog: "start" | "stop" | "restart" | "remove"; icon: typeof IconTrash; label: string }[] = [
  { verb: START, dialog: "start", icon: IconPlayerPlay, label: "Start" },
  { verb: STOP, dialog: "stop", icon: IconPlayerStop, label: "Stop" },
  { verb: RESTART, dialog: "restart", icon: IconRefresh, label: "Restart" },
  { verb: REMOVE, dialog: "remove", icon: IconTrash, label: "Remove" },
];

function noNeed(instance: Instance, verb: Verb): string | null {
  if (verb === START && isOn(instance)) return "It runs.";
  return verb === STOP && !isOn(instance) ? "It does not run." : null;
}

export function BulkBar({ marks }: { marks: Marks }) {
  const navigate = useNavigate();
  const { chosen } = marks;
  const ask = (verb: Verb, dialog: (typeof BULK)[number]["dialog"]) => {
    const left = chosen.flatMap((instance) => {
      const why = noNeed(instance, verb) ?? whyNot(instance, verb);
      return why === null ? [] : [{ instance, why }];
    });
    const leaves = new Set(left.map(({ instance }) => instance.id));
    openDialog(dialog, chosen.filter((instance) => !leaves.has(instance.id)), left, marks.clear);
  };
  const logs = () => void navigate({ to: "/logs", search: { c: write(chosen) } });
  return (
    <ActionBar opened={chosen.length > 0} onClose={marks.clear} aria-label="Actions on the marked containers">
      <Text size="sm" fw={560} px={6} className="num" role="status">
        {chosen.length} marked
      </Text>
      <ActionBar.Divider />
      {BULK.map(({ verb, dialog, icon: Icon, label }) => (
        <Button key={dialog} size="xs" variant="subtle" leftSection={<Icon size={15} />} onClick={() => ask(verb, dialog)}>
          {label}
        </Button>
      ))}
      <Button size="xs" variant="subtle" leftSection={<IconFileText size={15} />} onClick={logs}>
        Logs together
      </Button>
      <ActionBar.CloseButton aria-label="Clear the marks" />
    </ActionBar>
  );
}
