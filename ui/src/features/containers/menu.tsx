// The rest of what can be done to a container. One menu serves all rows: it opens where it was asked for.
import { useCallback, useState } from "react";
import { Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { usePendingFor } from "@/api/requests";
import type { Instance } from "@/api/types";
import type { OpenMenu } from "./cells";
import { LOGS, more, TERMINAL, whyNot, type Verb } from "./verbs";

function Item({ instance, verb, busy }: { instance: Instance; verb: Verb; busy: boolean }) {
  const navigate = useNavigate();
  const no = whyNot(instance, verb) ?? (busy ? "Something is under way for it." : null);
  return (
    <Menu.Item
      leftSection={<verb.icon size={16} />}
      aria-disabled={no !== null}
      data-disabled={no !== null || undefined}
      data-tip={no ?? undefined}
      closeMenuOnClick={no === null}
      onClick={() => {
        if (no === null) verb.run(instance, navigate);
      }}
    >
      {verb.label}
    </Menu.Item>
  );
}

export function MoreItems({ instance, shows = false }: { instance: Instance; shows?: boolean }) {
  const busy = usePendingFor(instance.id) !== undefined;
  const groups = shows ? [[LOGS, TERMINAL], ...more(instance)] : more(instance);
  return groups.map((group, at) => (
    <div key={group[0]!.name} role="group">
      {at > 0 && <Menu.Divider />}
      {group.map((verb) => (
        <Item key={verb.name} instance={instance} verb={verb} busy={busy} />
      ))}
    </div>
  ));
}

/** The one menu of a list, and what opens it. */
export function useMoreMenu(shows: boolean): [OpenMenu, React.ReactNode] {
  const [asked, setAsked] = useState<{ instance: Instance; anchor: HTMLElement } | null>(null);
  const open = useCallback<OpenMenu>((instance, anchor) => setAsked({ instance, anchor }), []);
  const at = asked?.anchor.getBoundingClientRect();
  const menu = asked && at && (
    <Menu opened onClose={() => setAsked(null)} position="bottom-end" returnFocus withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <span aria-hidden style={{ position: "fixed", left: at.left, top: at.top, width: at.width, height: at.height, pointerEvents: "none" }} />
      </Menu.Target>
      <Menu.Dropdown className="menu-sheet" aria-label={`More for ${asked.instance.name}`}>
        <MoreItems instance={asked.instance} shows={shows} />
      </Menu.Dropdown>
    </Menu>
  );
  return [open, menu];
}
