// The card of a log, which takes what is left of the window: shell.css has the rules.
import { useLayoutEffect, useRef, type ReactNode } from "react";

/** Marks all that is around it, up to the screen. */
export function LogCard({ children }: { children: ReactNode }) {
  const card = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const around: HTMLElement[] = [];
    let at = card.current!.parentElement;
    while (at && !at.classList.contains("main")) {
      around.push(at);
      at = at.parentElement;
    }
    around.forEach((element) => element.setAttribute("data-holds-log", ""));
    return () => around.forEach((element) => element.removeAttribute("data-holds-log"));
  }, []);
  return (
    <div ref={card} className="card log-card">
      {children}
    </div>
  );
}
