// What will be done, in sentences, and the button that does it.
import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { count } from "@/ui/fmt";
import { WhyButton } from "../resources/button";
import { Problem } from "../resources/frame";
import { PullProgress } from "../images/pull-progress";
import { usePulls } from "../images/pulls";
import { SaveTemplate } from "./template-button";
import type { Form, Wrong } from "./form";
import type { Phase, Refused } from "./run";

interface Props {
  form: Form;
  template: string | undefined;
  /** Whether the image is not on the dock that was chosen. */
  missing: boolean;
  phase: Phase;
  refused: Refused | null;
  /** What was found wrong before anything was sent. */
  wrong: Wrong;
  why: string | null;
}

const LABELS: Record<string, string> = { image: "Image", name: "Name", dock: "Dock", dockLabels: "Dock labels", ports: "Ports", env: "Environment", volumes: "Volumes", labels: "Labels", cpus: "Processors", memory: "Memory", restart: "Restart policy", instances: "How many", command: "Command", entrypoint: "Entrypoint", network: "Network" };

function told({ form, template, missing }: Pick<Props, "form" | "template" | "missing">): string[] {
  const image = form.image || (template ? `the image of the template ${template}` : "an image that you name");
  const many = Number(form.instances) > 1 ? `${form.instances} containers` : "One container";
  const where = form.dock ? `on ${form.dock}` : Number(form.instances) > 1 ? "spread over the docks that fit, the least loaded first" : "on the dock with the fewest instances";
  const fetched = {
    always: form.dock ? "The newest image is fetched first." : "Its dock fetches the newest image first.",
    never: "The image is not fetched: it must be there.",
    missing: form.dock ? (missing ? `${form.dock} does not have the image: it is fetched first.` : null) : "The image is fetched if its dock does not have it.",
  }[form.pull];
  return [`${many} of ${image}${form.name ? `, named ${form.name}` : ""}, ${where}.`, ...(fetched ? [fetched] : []), form.start ? "It is started at once. If it cannot be started, nothing is left behind." : "It is made, not started."];
}

/** Goes to the field that something is said of. */
function go(field: string) {
  const element = document.getElementById(`field-${field.split(".")[0]}`);
  element?.scrollIntoView({ block: "center" });
  element?.focus();
}

export function Summary({ form, template, missing, phase, refused, wrong, why }: Props) {
  const pulls = usePulls().filter((one) => one.dock === form.dock && one.image === form.image.trim());
  const fields = Object.entries(wrong);
  return (
    <section className="card form-card" aria-label="What will be done">
      <h2>What will be done</h2>
      <div className="summary">
        {told({ form, template, missing }).map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        {phase === "pulling" && <PullProgress pulls={pulls} />}
        {refused && <Problem title="Not created." message={refused.message} requestId={refused.requestId} />}
        {fields.length > 0 && (
          <Problem title={`${count(fields.length, "thing")} to mend first.`} message="">
            <ul>
              {fields.map(([field, words]) => (
                <li key={field}>
                  <button type="button" className="text-button" onClick={() => go(field)}>
                    {LABELS[field.split(".")[0]!] ?? field}
                  </button>
                  : {words}
                </li>
              ))}
            </ul>
          </Problem>
        )}
        <WhyButton type="submit" fullWidth why={why} loading={phase !== "idle"} loaderProps={{ "aria-label": phase === "pulling" ? "Pulling the image" : "Creating" }} leftSection={<IconPlus size={16} />} onClick={() => {}}>
          {Number(form.instances) > 1 ? `Create ${form.instances} containers` : "Create container"}
        </WhyButton>
        <SaveTemplate form={form} base={template} />
      </div>
    </section>
  );
}

/** Says where what is in the form comes from. */
export function Begun({ restored, onClear, words }: { restored: boolean; onClear: () => void; words: string | null }) {
  if (!restored && !words) return null;
  return (
    <div className="note" role="status">
      <span>
        {words} {restored && "You had begun this before; it is as you left it."}
      </span>
      {restored && (
        <Button variant="subtle" size="compact-sm" ml="auto" style={{ flex: "none" }} onClick={onClear}>
          Begin anew
        </Button>
      )}
    </div>
  );
}
