// Pulls as they go: each dock a row, each layer a bar, and a word for how it stands.
import { IconAlertTriangle, IconCircleCheckFilled, IconCircleMinus, IconLoader2, IconRefresh, IconX } from "@tabler/icons-react";
import { Copyable } from "@/ui/copy";
import { bytes } from "@/ui/fmt";
import { StateBadge, type Look } from "@/ui/state";
import { part, whole, type Layer } from "./progress";
import { cancel, pull, underWay, type Pull } from "./pulls";
import "./pull-progress.css";

function lookOf(one: Pull): Look {
  const percent = `${Math.round(whole(one.progress) * 100)} %`;
  switch (one.state) {
    case "pulling":
      return { tone: "busy", icon: IconLoader2, turns: true, label: one.progress.layers.length ? `Pulling · ${percent}` : "Pulling…" };
    case "asking again":
      return { tone: "warn", icon: IconLoader2, turns: true, label: "Connection broke · asking again" };
    case "done":
      return { tone: "ok", icon: IconCircleCheckFilled, label: "Done" };
    case "failed":
      return { tone: "bad", icon: IconAlertTriangle, label: "Failed" };
    case "cancelled":
      return { tone: "idle", icon: IconCircleMinus, label: "Cancelled" };
  }
}

function wordOf({ step, current, total }: Layer): string {
  if (step === "downloading" && current) return total ? `${bytes(current)} of ${bytes(total)}` : bytes(current);
  return { waiting: "waiting", downloading: "downloading", extracting: "unpacking", done: "done" }[step];
}

export function PullProgress({ pulls }: { pulls: Pull[] }) {
  return (
    <ul className="pulls" aria-label="Pulls">
      {pulls.map((one) => (
        <li key={`${one.dock} ${one.image}`}>
          <div className="pull-head">
            <span className="grow">
              <b>{one.dock}</b>
              <span className="mono">{one.image}</span>
            </span>
            <StateBadge of={lookOf(one)} />
            {underWay(one) ? (
              <button type="button" className="ib" aria-label={`Cancel the pull to ${one.dock}`} data-tip="Cancel" onClick={() => cancel(one)}>
                <IconX size={16} aria-hidden />
              </button>
            ) : (
              one.state !== "done" && (
                <button type="button" className="ib" aria-label={`Pull to ${one.dock} again`} data-tip="Try again" onClick={() => void pull(one.dock, one.image)}>
                  <IconRefresh size={16} aria-hidden />
                </button>
              )
            )}
          </div>
          {one.message && <p className="why">{one.message}</p>}
          {one.state === "failed" && one.requestId && (
            <span className="faint">
              Request <Copyable text={one.requestId} name="request id" />
            </span>
          )}
          {underWay(one) && <Layers of={one} />}
        </li>
      ))}
    </ul>
  );
}

function Layers({ of: { dock, progress } }: { of: Pull }) {
  return (
    <ul className="layers" aria-label={`Layers on ${dock}`}>
      {progress.layers.map((layer) => (
        <li key={layer.id}>
          <span className="mono">{layer.id}</span>
          <span className="bar" data-step={layer.step} role="progressbar" aria-label={`Layer ${layer.id}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part(layer) * 100)}>
            <i style={{ transform: `scaleX(${part(layer)})` }} />
          </span>
          <span className="word">{wordOf(layer)}</span>
        </li>
      ))}
    </ul>
  );
}
