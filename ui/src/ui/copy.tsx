// Texts that are copied by a click.
import { useEffect, useState } from "react";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import "./panels.css";

/** Browsers give the clipboard only to pages by https; the old way works by http too. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

const SHOWN = 1_800;

/** A button that copies a text; `name` says what that is. */
export function CopyButton({ text, name }: { text: string; name: string }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SHOWN);
    return () => clearTimeout(timer);
  }, [copied]);
  const label = copied === null ? `Copy ${name}` : copied ? "Copied" : "Not copied: the browser did not allow it";
  return (
    <button type="button" className="ib" aria-label={label} data-tip={label} onClick={() => void copy(text).then(setCopied)}>
      {copied ? <IconCheck size={15} aria-hidden style={{ color: "var(--ok)" }} /> : <IconCopy size={15} aria-hidden />}
    </button>
  );
}

/** A text in monospace with a button that copies it. `short` is shown instead of it. */
export function Copyable({ text, name, short = text }: { text: string; name: string; short?: string }) {
  return (
    <span className="copyable">
      <span className="mono cut">{short}</span>
      <CopyButton text={text} name={name} />
    </span>
  );
}

/** A command or a secret, whole, in a box of its own. */
export function CodeBox({ text, name }: { text: string; name: string }) {
  return (
    <div className="code">
      <code>{text}</code>
      <CopyButton text={text} name={name} />
    </div>
  );
}
