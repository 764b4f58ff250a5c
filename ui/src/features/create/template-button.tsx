// Keeps what the form says as a template.
import { useState } from "react";
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { IconTemplate } from "@tabler/icons-react";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { RequestStatus } from "@/api/types";
import { WhyButton } from "../resources/button";
import { Problem } from "../resources/frame";
import { lacks } from "../resources/rights";
import { toDocker } from "./docker";
import type { Form } from "./form";

const NAME = /^[\w.-]{1,128}$/;

export function SaveTemplate({ form, base }: { form: Form; base: string | undefined }) {
  const { data: me } = useQuery(q.me);
  const why = lacks(me, "create") ?? (form.image ? null : "A template needs an image.");
  const [opened, setOpened] = useState(false);
  const [name, setName] = useState(base ?? "");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<RequestStatus | null>(null);
  const { data: templates } = useQuery({ ...q.templates, enabled: opened });
  const wrong = name && !NAME.test(name) ? "1 to 128 letters, digits, . _ -" : null;
  const taken = !!templates && Object.hasOwn(templates, name);
  const save = async () => {
    setBusy(true);
    setFailed(null);
    const end = await send("put-template", { name, body: toDocker(form) }, `template:${name}`, name);
    setBusy(false);
    void qc.invalidateQueries({ queryKey: q.templates.queryKey });
    if (end.state !== "done") return setFailed(end);
    setOpened(false);
    notifications.show({ title: `The template ${name} is kept`, message: "Whoever may create can start from it." });
  };
  return (
    <>
      <WhyButton variant="default" why={why} leftSection={<IconTemplate size={16} />} onClick={() => setOpened(true)}>
        Save as template
      </WhyButton>
      <Modal opened={opened} onClose={() => setOpened(false)} title="Save as template" centered closeButtonProps={{ "aria-label": "Close" }}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name && !wrong && !busy) void save();
          }}
        >
          <Stack gap={14}>
            {failed && <Problem title="Not kept." message={failed.message ?? ""} requestId={failed.requestId} />}
            <TextInput label="Name of the template" value={name} error={wrong} onChange={(event) => setName(event.currentTarget.value)} data-autofocus className="mono-input" />
            {taken && <Text size="sm">A template of that name is there already. It is replaced.</Text>}
            <Text size="sm" c="dimmed">
              Kept is what the container is. The name, the dock and how many are not: whoever starts from it says those.
            </Text>
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setOpened(false)}>
                Cancel
              </Button>
              <WhyButton type="submit" why={!name ? "It needs a name." : wrong} loading={busy} onClick={() => {}}>
                {taken ? "Replace" : "Save"}
              </WhyButton>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
