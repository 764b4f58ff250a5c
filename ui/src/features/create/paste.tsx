// Fills the form from a `docker run` line, and says what of it has no place there.
import { useState } from "react";
import { Button, Group, Textarea } from "@mantine/core";
import { IconClipboardText } from "@tabler/icons-react";
import { readDockerRun, type Read } from "./docker-run";
import type { Form } from "./form";

interface Props {
  onRead: (form: Form) => void;
}

export function Paste({ onRead }: Props) {
  const [line, setLine] = useState("");
  const [why, setWhy] = useState<string | null>(null);
  const [read, setRead] = useState<Read | null>(null);
  const fill = (text: string) => {
    const answer = readDockerRun(text);
    setRead(typeof answer === "string" ? null : answer);
    setWhy(typeof answer === "string" ? answer : null);
    if (typeof answer !== "string") onRead(answer.form);
  };
  return (
    <section className="card form-card paste" aria-label="From docker run">
      <h2>From docker run</h2>
      <Textarea
        label="Paste a docker run line"
        placeholder="docker run -d --name web -p 8080:80 nginx:1.29"
        autosize
        minRows={2}
        maxRows={10}
        className="mono-input"
        value={line}
        error={why}
        onChange={(event) => setLine(event.currentTarget.value)}
        onPaste={({ clipboardData }) => {
          // A whole line that is pasted fills the form at once; what is edited after waits for the button.
          const text = clipboardData.getData("text");
          if (!line.trim() && text.trim()) setTimeout(() => fill(text));
        }}
        spellCheck={false}
      />
      <Group mt={10}>
        <Button variant="default" leftSection={<IconClipboardText size={16} />} disabled={!line.trim()} onClick={() => fill(line)}>
          Fill the form
        </Button>
      </Group>
      {read && (
        <div role="status" className="read">
          <p>The form is filled.</p>
          {read.leftOut.length > 0 && (
            <>
              <p>Left out, as the form has no place for it:</p>
              <ul>
                {read.leftOut.map((option) => (
                  <li key={option}>
                    <code className="mono">{option}</code>
                  </li>
                ))}
              </ul>
            </>
          )}
          {read.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </div>
      )}
    </section>
  );
}
