// Shows a secret this once: a one-time password or a token.
import { Button, Stack, Text } from "@mantine/core";
import { CodeBox } from "@/ui/copy";
import { Sheet } from "../resources/sheet";

export interface Secret {
  title: string;
  /** What it is, for the button that copies it. */
  what: string;
  text: string;
  note: string;
}

export function Once({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  return (
    <Sheet title={secret.title} opened onClose={onClose}>
      <Stack gap={16}>
        <Text>
          <b>It is shown this once.</b> {secret.note}
        </Text>
        <CodeBox text={secret.text} name={secret.what} />
        <div>
          <Button onClick={onClose}>I have it</Button>
        </div>
      </Stack>
    </Sheet>
  );
}

export const oneTime = (name: string, password: string): Secret => ({
  title: `One-time password of ${name}`,
  what: "one-time password",
  text: password,
  note: `Give it to ${name}, who has to choose another one with the first login.`,
});
