// What somebody has begun to fill in is kept for the tab, so that a session that ends, or a page that is left, costs nothing.
import { useCallback, useEffect, useState } from "react";

const PREFIX = "deblox-draft:";
const WHOSE = "deblox-drafts-of";

function read<T>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(PREFIX + key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function write(key: string, value: unknown) {
  try {
    sessionStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Without storage there is just no draft.
  }
}

export function dropDraft(key: string) {
  try {
    sessionStorage.removeItem(PREFIX + key);
  } catch {
    // See above.
  }
}

/** What one has left behind is not for another, however they have logged in. */
export function draftsOf(user: string | null) {
  try {
    if (sessionStorage.getItem(WHOSE) === (user ?? "")) return;
    dropDrafts();
    sessionStorage.setItem(WHOSE, user ?? "");
  } catch {
    // Without storage there are no drafts either.
  }
}

/** Somebody else will use this tab. */
export function dropDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  } catch {
    // See above.
  }
}

export interface Draft<T> {
  value: T;
  set: (next: T | ((old: T) => T)) => void;
  /** Forgets the draft and begins again from what was first there. */
  clear: () => void;
  /** Whether it was found from before, so that the screen can say so. */
  restored: boolean;
}

/** State that outlives the page for as long as the tab lives. Secrets do not belong in it. */
export function useDraft<T>(key: string, initial: T): Draft<T> {
  const [found] = useState(() => read<T>(key));
  const [value, set] = useState<T>(() => found ?? initial);
  const [restored, setRestored] = useState(found !== undefined);
  const [dirty, setDirty] = useState(false);
  useEffect(() => {
    if (dirty) write(key, value);
  }, [dirty, key, value]);
  const change = useCallback((next: T | ((old: T) => T)) => {
    setDirty(true);
    set(next);
  }, []);
  const clear = useCallback(() => {
    dropDraft(key);
    setDirty(false);
    setRestored(false);
    set(initial);
  }, [key, initial]);
  return { value, set: change, clear, restored };
}
