// One polite line for those who do not see badges change: what became of what they have asked for.
import { useEffect, useState } from "react";
import { VisuallyHidden } from "@mantine/core";
import { onSettled, usePending, words } from "@/api/requests";
import { doing } from "@/ui/state";

export function Announce() {
  const [line, setLine] = useState("");
  const pending = usePending();
  const newest = pending.at(-1);
  const slow = pending.find((one) => one.slow);
  useEffect(() => onSettled((ended, { action, name }) => setLine(`${words(action)} ${name}: ${ended.state === "done" ? "done" : "not done"}.`)), []);
  useEffect(() => {
    if (newest) setLine(`${doing(newest.action)} ${newest.name}.`);
  }, [newest?.requestId]);
  useEffect(() => {
    if (slow) setLine(`${words(slow.action)} ${slow.name}: no answer yet.`);
  }, [slow?.requestId]);
  return <VisuallyHidden role="status" aria-live="polite">{line}</VisuallyHidden>;
}
