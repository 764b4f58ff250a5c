// Rows have plain <a href>: a router link per cell would be hundreds of subscriptions. One handler follows them all.
import { useCallback } from "react";
import { useRouter } from "@tanstack/react-router";

export function usePlainLinks() {
  const router = useRouter();
  return useCallback(
    (event: React.MouseEvent) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const href = (event.target as Element).closest("a")?.getAttribute("href");
      if (!href?.startsWith("/")) return;
      event.preventDefault();
      router.history.push(href);
    },
    [router],
  );
}

/** Where a container is shown. */
export const containerHref = (instance: { dock: string; id: string }, tab?: string) =>
  `/containers/${encodeURIComponent(instance.dock)}/${encodeURIComponent(instance.id)}${tab ? `?tab=${tab}` : ""}`;
