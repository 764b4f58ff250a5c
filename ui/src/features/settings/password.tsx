// Changes one's own password.
import { useState } from "react";
import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { api, ApiError } from "@/api/client";
import { Problem } from "../resources/frame";

const EMPTY = { old: "", new: "", again: "" };

export function Password() {
  const [typed, setTyped] = useState(EMPTY);
  const changing = useMutation({
    mutationFn: () => api<void>("/me/password", { method: "POST", json: { old: typed.old, new: typed.new } }),
    onSuccess: () => {
      setTyped(EMPTY);
      notifications.show({ title: "Password changed", message: "Your other sessions have ended." });
    },
  });
  const differs = typed.again !== "" && typed.again !== typed.new;
  const field = (name: keyof typeof EMPTY) => ({ required: true, value: typed[name], onChange: (event: React.ChangeEvent<HTMLInputElement>) => setTyped({ ...typed, [name]: event.currentTarget.value }) });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.again === typed.new) changing.mutate();
      }}
    >
      <Stack gap={14} maw={360}>
        <PasswordInput label="Old password" autoComplete="current-password" {...field("old")} />
        <PasswordInput label="New password" autoComplete="new-password" {...field("new")} />
        <PasswordInput label="New password again" autoComplete="new-password" error={differs && "It is not the same."} {...field("again")} />
        {changing.error && <Problem title="Not changed." message={changing.error.message} requestId={(changing.error as ApiError).requestId} />}
        <Group>
          <Button type="submit" variant="default" loading={changing.isPending}>
            Change password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
