// Makes a token of whoever is logged in.
import { useState } from "react";
import { Button, Group, Radio, Select, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { api, ApiError, q, qc } from "@/api/client";
import type { Me, NewToken, Role, TokenMade } from "@/api/types";
import { Problem } from "../resources/frame";
import { Sheet } from "../resources/sheet";
import { rolesUpTo } from "../users/roles";

const DAYS = [
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "", label: "Never" },
];

export function TokenSheet({ me, onClose, onMade }: { me: Me; onClose: () => void; onMade: (made: TokenMade) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("90");
  const making = useMutation({
    mutationFn: () => {
      const asked: NewToken = { name: name.trim(), role, ...(days ? { days: Number(days) } : {}) };
      return api<TokenMade>("/tokens", { method: "POST", json: asked });
    },
    onSuccess: (made) => {
      void qc.invalidateQueries({ queryKey: q.tokens.queryKey });
      onMade(made);
    },
  });
  return (
    <Sheet title="Make a token" opened onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          making.mutate();
        }}
      >
        <Stack gap={18}>
          <TextInput label="Name" description="What it is for, such as backup. The activity tells it with what it did." required autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          <Radio.Group label="Role" description="No more than your own." value={role} onChange={(value) => setRole(value as Role)}>
            <Stack gap={10} mt={8}>
              {rolesUpTo(me.role).map(({ value, label, may }) => (
                <Radio key={value} value={value} label={label} description={may} />
              ))}
            </Stack>
          </Radio.Group>
          <Select label="Expires" data={DAYS} value={days} onChange={(value) => setDays(value ?? "")} allowDeselect={false} />
          {making.error && <Problem title="Not made." message={making.error.message} requestId={(making.error as ApiError).requestId} />}
          <Group>
            <Button type="submit" loading={making.isPending}>
              Make token
            </Button>
          </Group>
        </Stack>
      </form>
    </Sheet>
  );
}
