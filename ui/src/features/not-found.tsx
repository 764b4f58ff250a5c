import { Title, Text } from "@mantine/core";
import { ButtonLink } from "@/ui/link";

export function NotFound() {
  return (
    <div className="card lonely">
      <Title order={1}>There is nothing here</Title>
      <Text c="dimmed">The address leads to no screen of deblox.</Text>
      <ButtonLink to="/">To the overview</ButtonLink>
    </div>
  );
}
