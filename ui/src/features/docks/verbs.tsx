// What an admin does to a dock: keep new containers away from it, let them come again, and label it.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { IconLoader2, IconPlayerPause, IconPlayerPlay, IconTag } from "@tabler/icons-react";
import { q } from "@/api/client";
import { send, usePendingFor } from "@/api/requests";
import type { Dock, Me } from "@/api/types";
import { WhyIcon } from "../resources/button";
import { LabelSheet } from "./label-sheet";
import "./docks.css";

const about = (dock: Dock) => `dock:${dock.name}`;

function refusal(me: Me | undefined, dock: Dock): string | null {
  if (!me) return "It is not known yet what you may do.";
  if (!me.rights.includes("dock")) return "Only admins may do that to docks.";
  return dock.state === "unregistered" ? `${dock.name} was taken out of the pool.` : null;
}

export function DockVerbs({ dock }: { dock: Dock }) {
  const [labelling, setLabelling] = useState(false);
  const { data: me } = useQuery(q.me);
  const pending = usePendingFor(about(dock));
  const why = refusal(me, dock) ?? (pending ? "It is being done." : null);
  const drained = dock.state === "drained";
  const Icon = pending ? IconLoader2 : drained ? IconPlayerPlay : IconPlayerPause;
  const ask = (action: string, fields: Record<string, unknown> = {}) => send(action, { ...fields, hostname: dock.name }, about(dock), dock.name);
  return (
    <span className="dock-verbs">
      <WhyIcon
        label={`${drained ? "Undrain" : "Drain"} ${dock.name}`}
        tip={drained ? "Undrain: let new containers come again" : "Drain: it keeps its containers and gets no new ones"}
        why={why}
        onClick={() => void ask(drained ? "undrain" : "drain")}
        icon={<Icon size={17} aria-hidden className={pending ? "spin" : ""} />}
      />
      <WhyIcon label={`Label ${dock.name}`} tip="Labels, by which a new container can choose it" why={why} onClick={() => setLabelling(true)} icon={<IconTag size={17} aria-hidden />} />
      {labelling && (
        <LabelSheet
          dock={dock}
          onClose={() => setLabelling(false)}
          onSave={(labels) => {
            setLabelling(false);
            void ask("label-dock", { labels });
          }}
        />
      )}
    </span>
  );
}
