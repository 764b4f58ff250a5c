// Changes one's own password.
import { useState } from "react";
import { Button, Checkbox, Group, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { api, ApiError, q, qc } from "@/api/client";
import type { PasswordChange } from "@/api/types";
import { Problem } from "../resources/frame";

const EMPTY = { old: "", new: "", again: "" };

export function Password() {
  const [typed, setTyped] = useState(EMPTY);
  const [revokes, setRevokes] = useState(false);
  const changing = useMutation({
    mutationFn: () => {
      const change: PasswordChange = { old: typed.old, new: typed.new, revokeTokens: revokes };
      return api<void>("/me/password", { method: "POST", json: change });
    },
    onSuccess: () => {
      setTyped(EMPTY);
      setRevokes(false);
      for (const { queryKey } of [q.sessions(), q.tokens]) void qc.invalidateQueries({ queryKey });
      notifications.show({ title: "Password changed", message: revokes ? "Your other sessions have ended, and your tokens are revoked." : "Your other sessions have ended." });
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
        <PasswordInput label="New password" description="12 characters or more, and hard to guess: four words that do not belong together will do." autoComplete="new-password" {...field("new")} />
        <PasswordInput label="New password again" autoComplete="new-password" error={differs && "It is not the same."} {...field("again")} />
        <Checkbox label="Revoke all my tokens as well" description="Programs that use them are refused from then on." checked={revokes} onChange={(event) => setRevokes(event.currentTarget.checked)} />
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
