// Where it is to be: the cluster picks, by a rule that is said, or a dock is named.
import { Radio, Select } from "@mantine/core";
import type { Dock } from "@/api/types";
import { count } from "@/ui/fmt";
import { candidates, closed } from "./candidates";
import { Rows } from "./fields";
import type { Form, Wrong } from "./form";

interface Props {
  form: Form;
  put: (change: Partial<Form>) => void;
  docks: Dock[];
  wrong: Wrong;
}

export function Placement({ form, put, docks, wrong }: Props) {
  const named = !!form.dock;
  const open = candidates(docks, form.dockLabels);
  const first = open[0];
  const options = docks.map((dock) => {
    const why = closed(dock);
    return { value: dock.name, label: why ? `${dock.name} (${why})` : `${dock.name} · ${dock.running} running`, disabled: !!why };
  });
  // A dock that is gone stays chosen until somebody chooses another.
  if (named && !docks.some((dock) => dock.name === form.dock)) options.push({ value: form.dock, label: `${form.dock} (unknown)`, disabled: true });
  return (
    <section className="card form-card" aria-label="Where">
      <h2>Where</h2>
      <Radio.Group
        aria-label="Where it is placed"
        value={named ? "dock" : "cluster"}
        onChange={(value) => put({ dock: value === "dock" ? (first?.name ?? docks[0]?.name ?? "") : "" })}
      >
        <div className="choices">
          <Radio value="cluster" label="The cluster picks" description="Of the docks that answer, the one with the fewest instances that run, were created to run or are promised to it." />
          <Radio value="dock" label="One dock" description="On that dock or not at all." disabled={docks.length === 0} />
        </div>
      </Radio.Group>
      {named ? (
        <Select id="field-dock" mt={12} label="Dock" data={options} value={form.dock} allowDeselect={false} error={wrong["dock"]} onChange={(dock) => put({ dock: dock ?? "" })} maw={420} />
      ) : (
        <>
          {wrong["dock"] && <p className="wrong">{wrong["dock"]}</p>}
          <Rows list="dockLabels" title="Labels that the dock must have" one="dock label" rows={form.dockLabels} blank={{ name: "", value: "" }} parts={[{ field: "name", label: "Name", placeholder: "disk" }, { field: "value", label: "Value", placeholder: "ssd" }]} wrong={wrong} onChange={(dockLabels) => put({ dockLabels })} />
          <p className="faint" role="status">
            {first ? `${count(open.length, "dock fits", "docks fit")} now. ${first.name} has the fewest running: ${first.running}.` : docks.length ? "No dock fits now." : ""}
          </p>
        </>
      )}
    </section>
  );
}
