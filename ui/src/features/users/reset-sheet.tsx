// Gives a user a new one-time password.
import { useState } from "react";
import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import type { User, UserMade } from "@/api/types";
import { Problem } from "../resources/frame";
import { Sheet } from "../resources/sheet";
import { changeUser } from "./change";

export function ResetSheet({ user, onClose, onDone }: { user: User; onClose: () => void; onDone: (made: UserMade) => void }) {
  const [revokes, setRevokes] = useState(false);
  const making = useMutation({ mutationFn: () => changeUser(user.name, { generate: true, revokeTokens: revokes }), onSuccess: onDone });
  return (
    <Sheet title={`New password for ${user.name}`} opened onClose={onClose}>
      <Stack gap={18}>
        <Text>A one-time password is made. All sessions of {user.name} end.</Text>
        <Checkbox label="Revoke all tokens as well" description="Programs that use them are refused from then on." checked={revokes} onChange={(event) => setRevokes(event.currentTarget.checked)} />
        {making.error && <Problem title="Not changed." message={making.error.message} requestId={(making.error as ApiError).requestId} />}
        <Group>
          <Button loading={making.isPending} onClick={() => making.mutate()}>
            Make password
          </Button>
        </Group>
      </Stack>
    </Sheet>
  );
}
