// What a screen shows when it cannot be shown: a sentence, and a way to try again.
import { useEffect } from "react";
import { Button, Code, Group, Text, Title } from "@mantine/core";
import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { ApiError } from "@/api/client";

const RELOADED = "deblox-reloaded";
/** A node that was upgraded has other files: the page is loaded again, once, not for ever. */
const ONCE = 30_000;
const LOST = /dynamically imported module|module script failed|unable to preload|error loading/i;

function reloadOnce(): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < ONCE) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}

/** Vite tells of a file that is gone before the screen that wants it fails. */
export function watchLostFiles() {
  window.addEventListener("vite:preloadError", (event) => {
    if (reloadOnce()) event.preventDefault();
  });
}

function sentence(error: Error): string {
  if (error instanceof ApiError) return error.message;
  if (LOST.test(error.message)) return "A part of the page could not be loaded. The node may have been upgraded, or does not answer.";
  return "This screen failed. That is a fault of deblox; the rest goes on working.";
}

export function Failure({ error: thrown, reset }: ErrorComponentProps) {
  const router = useRouter();
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const lost = LOST.test(error.message);
  useEffect(() => {
    if (lost) reloadOnce();
  }, [lost]);
  const retry = () => {
    if (lost) return location.reload();
    reset();
    void router.invalidate();
  };
  return (
    <div className="card lonely" role="alert">
      <Title order={1}>This could not be shown</Title>
      <Text>{sentence(error)}</Text>
      {error instanceof ApiError ? error.requestId && <Text c="dimmed">Request {error.requestId}</Text> : <Code>{error.message}</Code>}
      <Group>
        <Button onClick={retry}>Try again</Button>
      </Group>
    </div>
  );
}
