// A shell in the container, as whom one likes.
import { lazy, Suspense, useState } from "react";
import { Button, Select, Skeleton, TextInput } from "@mantine/core";
import { IconTerminal2 } from "@tabler/icons-react";
import type { Instance } from "@/api/types";
import { TERMINAL, whyNot } from "@/features/containers/verbs";
import { Empty } from "@/ui/trouble";
import { Silent } from "./silent";

const Term = lazy(() => import("@/ui/term"));

const SHELLS: Record<string, string[]> = {
  best: ["sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"],
  sh: ["sh"],
  bash: ["bash"],
};
const OFFERED = [
  { value: "best", label: "bash, or sh" },
  { value: "sh", label: "sh" },
  { value: "bash", label: "bash" },
];

export function TerminalTab({ instance }: { instance: Instance }) {
  const [shell, setShell] = useState("best");
  const [user, setUser] = useState("");
  const [session, setSession] = useState({ shell: "best", user: "", number: 0 });
  if (instance.condition === "unknown") return <Silent instance={instance} what="No command can be run in it now." />;
  const no = whyNot(instance, TERMINAL);
  if (no) {
    return (
      <Empty icon={IconTerminal2} title="No terminal here">
        <p>{no}</p>
      </Empty>
    );
  }
  const begin = () => setSession(({ number }) => ({ shell, user: user.trim(), number: number + 1 }));
  const changed = shell !== session.shell || user.trim() !== session.user;
  return (
    <div className="card term-card">
      <form
        className="log-tools"
        onSubmit={(event) => {
          event.preventDefault();
          begin();
        }}
      >
        <Select aria-label="Shell" size="xs" w={130} data={OFFERED} value={shell} allowDeselect={false} onChange={(value) => setShell(value ?? "best")} />
        <TextInput aria-label="User in the container" placeholder="User of the image" size="xs" w={170} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
        <Button type="submit" size="xs" variant={changed ? "filled" : "default"}>
          New session
        </Button>
      </form>
      <Suspense fallback={<Skeleton h={400} />}>
        <Term key={session.number} id={instance.id} dock={instance.dock} name={instance.name} cmd={SHELLS[session.shell]!} user={session.user} />
      </Suspense>
    </div>
  );
}
