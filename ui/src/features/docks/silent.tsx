// Which docks tell nothing new, since when, and what that means for the numbers below.
import { IconPlugConnectedX } from "@tabler/icons-react";
import type { Dock } from "@/api/types";
import { count } from "@/ui/fmt";
import { Ago } from "@/ui/time";
import { silence } from "./words";

/** More than so many are told of in one line. */
const EACH = 2;

export function SilentDocks({ docks }: { docks: Dock[] }) {
  const silent = docks.filter((dock) => !dock.reachable);
  if (silent.length === 0) return null;
  return silent.length > EACH ? <Together docks={silent} /> : silent.map((dock) => <One key={dock.name} dock={dock} />);
}

function One({ dock }: { dock: Dock }) {
  const known = silence(dock)!;
  return (
    <div className="note hatched">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        <b>{known.what}</b>{" "}
        {known.since !== null && (
          <>
            {known.last} <Ago at={known.since} />.{" "}
          </>
        )}
        {dock.containers > 0 && `The numbers below leave its ${count(dock.containers, "container")} out; ${dock.containers === 1 ? "it" : "they"} may well still be running.`}
      </span>
    </div>
  );
}

function Together({ docks }: { docks: Dock[] }) {
  const containers = docks.reduce((sum, dock) => sum + dock.containers, 0);
  return (
    <div className="note hatched">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        <b>{docks.length} docks tell nothing new:</b>{" "}
        {docks.map((dock, at) => (
          <span key={dock.name}>
            {at > 0 && ", "}
            {dock.name}
            {dock.lastKnown !== null && (
              <>
                {" "}
                (last known <Ago at={dock.lastKnown} />)
              </>
            )}
          </span>
        ))}
        . {containers > 0 && `The numbers below leave their ${count(containers, "container")} out; they may well still be running.`}
      </span>
    </div>
  );
}
