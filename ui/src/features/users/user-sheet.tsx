// Adds a user, or changes the role and the groups of one.
import { useState } from "react";
import { Button, Group, Radio, Stack, TagsInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import type { Role, User, UserMade } from "@/api/types";
import { Problem } from "../resources/frame";
import { Sheet } from "../resources/sheet";
import { addUser, changeUser } from "./change";
import { ROLES } from "./roles";

interface Props {
  /** The one to change; without it a new one is added. */
  user?: User | undefined;
  /** The groups that there are. */
  groups: string[];
  onClose: () => void;
  onDone: (made: UserMade) => void;
}

export function UserSheet({ user, groups: known, onClose, onDone }: Props) {
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "user");
  const [groups, setGroups] = useState(user?.groups ?? []);
  const saving = useMutation({
    mutationFn: () => (user ? changeUser(user.name, { role, groups }) : addUser({ name: name.trim(), role, groups, password: null })),
    onSuccess: onDone,
  });
  return (
    <Sheet title={user ? `Change ${user.name}` : "Add a user"} opened onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          saving.mutate();
        }}
      >
        <Stack gap={18}>
          {!user && (
            <TextInput
              label="Name"
              description="Letters, digits, dots, dashes. A one-time password is made, and shown to you once."
              required
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              data-autofocus
            />
          )}
          <Radio.Group label="Role" value={role} onChange={(value) => setRole(value as Role)}>
            <Stack gap={10} mt={8}>
              {ROLES.map(({ value, label, may }) => (
                <Radio key={value} value={value} label={label} description={may} />
              ))}
            </Stack>
          </Radio.Group>
          <TagsInput label="Groups" description="Containers can be shared with a group." placeholder="Type a name, then Enter" data={known} value={groups} onChange={setGroups} clearable={false} />
          {saving.error && <Problem title={user ? "Not changed." : "Not added."} message={saving.error.message} requestId={(saving.error as ApiError).requestId} />}
          <Group>
            <Button type="submit" loading={saving.isPending}>
              {user ? "Save" : "Add user"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Sheet>
  );
}
