// What to do where there is no dock yet.
import { Text } from "@mantine/core";
import { IconServer2 } from "@tabler/icons-react";
import { CodeBox } from "@/ui/copy";
import { Empty } from "@/ui/trouble";

const WORKER = "REDIS_URL=rediss://:PASSWORD@redis.example.com:6379 deblox worker";

export const NoDocks = () => (
  <Empty icon={IconServer2} title="No dock yet">
    <Text>A dock is a host with Docker and a worker of deblox beside it. Start a worker there, with the Redis of this node; it appears here within a second.</Text>
    <CodeBox text={WORKER} name="command" />
  </Empty>
);
