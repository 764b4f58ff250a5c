// Loads the palette when it is first wanted.
import { lazy, Suspense, useEffect, useState } from "react";

const Palette = lazy(() => import("./palette"));
const WANTED = "deblox:palette";
export const showPalette = () => window.dispatchEvent(new Event(WANTED));

export function PaletteHost() {
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const open = () => setAsked((times) => times + 1);
    const pressed = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
      // In a terminal Ctrl-K belongs to the shell.
      if ((event.target as HTMLElement).closest(".xterm")) return;
      event.preventDefault();
      open();
    };
    window.addEventListener(WANTED, open);
    window.addEventListener("keydown", pressed);
    return () => {
      window.removeEventListener(WANTED, open);
      window.removeEventListener("keydown", pressed);
    };
  }, []);
  return <Suspense>{asked > 0 && <Palette asked={asked} />}</Suspense>;
}
