// What is done to one or several: their names are said, and what is left out is counted.
import { useState } from "react";
import { Checkbox, Select, Stack, Text } from "@mantine/core";
import { act } from "@/api/requests";
import type { Instance } from "@/api/types";
import { count } from "@/ui/fmt";
import { isOn } from "../verbs";
import type { DialogName } from "../dialogs";
import { Footer } from "./footer";
import type { DialogProps } from "./index";

type Does = Extract<DialogName, "start" | "stop" | "restart" | "kill" | "remove">;
const VERBS: Record<Does, { verb: string; action: string; red?: true; note?: string }> = {
  start: { verb: "Start", action: "start-container" },
  stop: { verb: "Stop", action: "stop-container" },
  restart: { verb: "Restart", action: "restart-container" },
  kill: { verb: "Kill", action: "kill-container", red: true, note: "Its process is not asked: with KILL it cannot save anything." },
  remove: { verb: "Remove", action: "delete-container", red: true, note: "What was written in it is lost; volumes with a name stay." },
};
const SIGNALS = ["KILL", "TERM", "INT", "QUIT", "HUP", "USR1", "USR2"];
const NAMED = 12;
const LEFT = 4;

function Names({ instances }: { instances: Instance[] }) {
  return (
    <ul className="dialog-names">
      {instances.slice(0, NAMED).map((instance) => (
        <li key={instance.id}>
          <b>{instance.name}</b> <span className="dim">on {instance.dock}</span>
        </li>
      ))}
      {instances.length > NAMED && <li className="dim">and {instances.length - NAMED} more</li>}
    </ul>
  );
}

function LeftOut({ left }: { left: DialogProps["left"] }) {
  if (left.length === 0) return null;
  return (
    <div className="dim">
      <Text size="sm">{count(left.length, "marked container is", "marked containers are")} left out:</Text>
      <ul className="dialog-names">
        {left.slice(0, LEFT).map(({ instance, why }) => (
          <li key={instance.id}>
            {instance.name}: {why}
          </li>
        ))}
        {left.length > LEFT && <li>and {left.length - LEFT} more</li>}
      </ul>
    </div>
  );
}

export function Confirm({ name, instances, left, close, done }: DialogProps) {
  const { verb, action, red, note } = VERBS[name as Does];
  const [force, setForce] = useState(false);
  const [volumes, setVolumes] = useState(false);
  const [signal, setSignal] = useState("KILL");
  const running = instances.filter(isOn);
  // Docker removes nothing that runs unless it may kill it.
  const asked = name === "remove" && !force ? instances.filter((instance) => !isOn(instance)) : instances;
  const one = instances.length === 1;
  const fields = { ...(name === "kill" ? { signal } : {}), ...(name === "remove" ? { force, volumes } : {}) };
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    for (const instance of asked) void act(instance, action, fields);
    done();
    close();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        {instances.length > 0 ? <Names instances={instances} /> : <Text>It can be done to none of them.</Text>}
        <LeftOut left={left} />
        {note && <Text size="sm">{note}</Text>}
        {name === "kill" && <Select label="Signal" data={SIGNALS} value={signal} allowDeselect={false} onChange={(value) => setSignal(value ?? "KILL")} />}
        {name === "remove" && running.length > 0 && (
          <Checkbox label={one ? "It runs: kill it" : `Kill and remove also the ${running.length} that run`} checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
        )}
        {name === "remove" && <Checkbox label={`Remove ${one ? "its" : "their"} volumes without a name as well`} checked={volumes} onChange={(event) => setVolumes(event.currentTarget.checked)} />}
      </Stack>
      <Footer verb={asked.length > 1 ? `${verb} ${asked.length}` : verb} close={close} {...(red ? { color: "red.8" } : {})} disabled={asked.length === 0} />
    </form>
  );
}
