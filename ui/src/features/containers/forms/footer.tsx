import { Button, Group } from "@mantine/core";

interface FooterProps {
  verb: string;
  close: () => void;
  color?: string;
  /** Why it cannot be sent yet. */
  disabled?: boolean;
}

/** The buttons below a form: it is sent by the second. */
export function Footer({ verb, close, color, disabled = false }: FooterProps) {
  return (
    <Group justify="flex-end" mt="lg" gap={8}>
      <Button variant="default" onClick={close}>
        Cancel
      </Button>
      <Button type="submit" color={color} disabled={disabled}>
        {verb}
      </Button>
    </Group>
  );
}
