// The parts of the form, but for where it is placed.
import { Autocomplete, Checkbox, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api/client";
import { Rows } from "./fields";
import { PROTOCOLS, PULL, type Form, type Wrong } from "./form";

interface Props {
  form: Form;
  put: (change: Partial<Form>) => void;
  wrong: Wrong;
}

type TextField = { [K in keyof Form]: Form[K] extends string ? K : never }[keyof Form];

interface TextProps extends Props {
  field: TextField;
  label: string;
  placeholder?: string;
  description?: string;
  className?: string;
}

function Text({ form, put, wrong, field, className, ...rest }: TextProps) {
  return (
    <TextInput
      {...rest}
      id={`field-${field}`}
      className={`mono-input ${className ?? ""}`}
      value={form[field]}
      error={wrong[field]}
      onChange={(event) => put({ [field]: event.currentTarget.value })}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
    />
  );
}

const FETCH = { missing: "If it is missing", always: "Always, for a newer one", never: "Never" };

export function What({ images, template, ...props }: Props & { images: string[]; template: string | undefined }) {
  const { form, put, wrong } = props;
  return (
    <section className="card form-card" aria-label="What">
      <h2>What</h2>
      <div className="form-grid">
        <Autocomplete
          id="field-image"
          className="mono-input both"
          label="Image"
          placeholder="nginx:1.29"
          description={template ? "Without one it is the template's." : undefined}
          data={[...new Set(images)].sort()}
          limit={12}
          value={form.image}
          error={wrong["image"]}
          onChange={(image) => put({ image })}
          spellCheck={false}
        />
        <Text {...props} field="name" label="Name" placeholder="deblox makes one up" />
        <Text {...props} field="instances" label="How many" description={Number(form.instances) > 1 ? "The name gets -1, -2, … behind it." : undefined} />
        <Text {...props} field="command" label="Command" placeholder="the image's own" className="both" />
        <Select label="Fetch the image" data={PULL.map((value) => ({ value, label: FETCH[value] }))} value={form.pull} allowDeselect={false} error={wrong["pull"]} onChange={(pull) => put({ pull: pull as Form["pull"] })} />
        <Checkbox mt={{ base: 0, sm: 28 }} label="Start at once" checked={form.start} onChange={(event) => put({ start: event.currentTarget.checked })} />
      </div>
    </section>
  );
}

/** Ports, environment, volumes. */
export function Inside({ form, put, wrong }: Props) {
  return (
    <section className="card form-card" aria-label="Ports, environment and volumes">
      <h2>Ports, environment, volumes</h2>
      <Rows
        list="ports"
        title="Ports"
        one="port"
        rows={form.ports}
        blank={{ host: "", container: "", protocol: "tcp" }}
        parts={[
          { field: "host", label: "Dock's port", placeholder: "8080, or any free one" },
          { field: "container", label: "Container's port", placeholder: "80" },
          { field: "protocol", label: "Protocol", choices: PROTOCOLS },
        ]}
        wrong={wrong}
        onChange={(ports) => put({ ports })}
      >
        The dock&apos;s port, with an address before it if wanted, then the container&apos;s. Ranges too.
      </Rows>
      <Rows
        list="env"
        title="Environment"
        one="variable"
        rows={form.env}
        blank={{ name: "", value: "" }}
        parts={[
          { field: "name", label: "Name", placeholder: "TZ" },
          { field: "value", label: "Value", placeholder: "Europe/Berlin", grow: 2 },
        ]}
        wrong={wrong}
        onChange={(env) => put({ env })}
      />
      <Rows
        list="volumes"
        title="Volumes"
        one="volume"
        rows={form.volumes}
        blank={{ source: "", target: "", options: "" }}
        parts={[
          { field: "source", label: "Volume or folder", placeholder: "data, or /srv/data", grow: 2 },
          { field: "target", label: "Folder in the container", placeholder: "/var/lib/data", grow: 2 },
          { field: "options", label: "Options", placeholder: "ro" },
        ]}
        wrong={wrong}
        onChange={(volumes) => put({ volumes })}
      >
        A volume&apos;s name or a folder of the dock, then the folder in the container.
      </Rows>
    </section>
  );
}

const RESTART = [
  { value: "no", label: "No" },
  { value: "unless-stopped", label: "Always, unless it was stopped" },
  { value: "always", label: "Always" },
  { value: "on-failure", label: "When it fails" },
];

export function Limits(props: Props) {
  const { form, put, wrong } = props;
  const [policy = "no", times = ""] = form.restart.split(":");
  return (
    <section className="card form-card" aria-label="Limits and restart">
      <h2>Limits and restart</h2>
      <div className="form-grid">
        <Text {...props} field="memory" label="Memory at most" placeholder="512m" />
        <Text {...props} field="cpus" label="Processors at most" placeholder="1.5" />
        <Select id="field-restart" label="Restart it" data={RESTART} value={policy} allowDeselect={false} error={wrong["restart"]} onChange={(restart) => put({ restart: restart ?? "no" })} />
        {policy === "on-failure" && <TextInput label="At most so many times" placeholder="without end" className="mono-input" value={times} onChange={({ currentTarget: { value } }) => put({ restart: value ? `${policy}:${value}` : policy })} />}
      </div>
    </section>
  );
}

export function More(props: Props) {
  const { form, put, wrong } = props;
  const { data } = useQuery(q.networks);
  const networks = [...new Set(data?.networks.filter((one) => !form.dock || one.dock === form.dock).map((one) => one.name))].sort();
  const flag = (field: "tty" | "interactive" | "autoRemove" | "privileged", label: string, description: string) => (
    <Checkbox label={label} description={description} checked={form[field]} error={wrong[field]} onChange={(event) => put({ [field]: event.currentTarget.checked })} />
  );
  return (
    <section className="card form-card" aria-label="Network, labels and the rest">
      <h2>Network, labels and the rest</h2>
      <div className="form-grid">
        <Autocomplete id="field-network" className="mono-input" label="Network" placeholder="bridge" data={networks} value={form.network} error={wrong["network"]} onChange={(network) => put({ network })} />
        <Text {...props} field="hostname" label="Host name" placeholder="its id" />
        <Text {...props} field="entrypoint" label="Entrypoint" placeholder="the image's own" />
        <Text {...props} field="workdir" label="Working directory" placeholder="the image's own" />
        <Text {...props} field="user" label="User" placeholder="the image's own" />
      </div>
      <div style={{ margin: "18px 0" }}>
        <Rows
          list="labels"
          title="Labels"
          one="label"
          rows={form.labels}
          blank={{ name: "", value: "" }}
          parts={[
            { field: "name", label: "Name", placeholder: "team" },
            { field: "value", label: "Value", placeholder: "web", grow: 2 },
          ]}
          wrong={wrong}
          onChange={(labels) => put({ labels })}
        />
      </div>
      <div className="switches">
        {flag("tty", "A terminal", "For what somebody talks to.")}
        {flag("interactive", "Keep its input open", "So that it can be attached to.")}
        {flag("autoRemove", "Remove it when it has ended", "With its volumes without a name.")}
        {flag("privileged", "Privileged", "All rights on its dock. Only for what you trust like the dock itself.")}
      </div>
    </section>
  );
}
