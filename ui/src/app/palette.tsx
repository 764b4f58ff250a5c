// Ctrl-K: finds containers anywhere in the cluster, docks and screens, and acts on what it has found.
import "@mantine/spotlight/styles.css";
import { useEffect, useState } from "react";
import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { createSpotlight, Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { IconMoon, IconPlus, IconSearch, IconServer2, IconSun } from "@tabler/icons-react";
import { api, q, query } from "@/api/client";
import type { Dock, Instance, Instances } from "@/api/types";
import { dockLook, look, StateIcon, type Look } from "@/ui/state";
import { named, offered, whyNot, type Verb } from "@/features/containers/verbs";
import { SETTINGS, useNav } from "./nav";

const [store, spotlight] = createSpotlight();
const FOUND = 8;
const found = (text: string) =>
  queryOptions({
    queryKey: ["instances", "found", text],
    queryFn: () => api<Instances>(`/instances${query({ q: text, limit: FOUND })}`),
    enabled: text.length > 0,
    staleTime: 5_000,
    placeholderData: keepPreviousData,
  });

/** Enter takes the first, until the arrows have gone to another. Spotlight does so by itself, but not for what comes later. */
function selectFirst() {
  const list = document.getElementById(store.getState().listId);
  list?.querySelector("[data-selected]")?.removeAttribute("data-selected");
  list?.querySelector("[data-action]")?.setAttribute("data-selected", "true");
  store.updateState((state) => ({ ...state, selected: 0 }));
}

/** `stop billing` is about the verb Stop and what `billing` finds. */
function asked(text: string): { verb: string | null; name: string } {
  const [first = "", ...rest] = text.trim().split(/\s+/);
  const verb = ["stop", "start", "restart", "logs", "terminal"].find((one) => one === first.toLowerCase());
  return verb && rest.length ? { verb, name: rest.join(" ") } : { verb: null, name: text.trim() };
}

const colored = (of: Look) => (
  <span style={{ color: `var(--${of.tone === "unknown" ? "idle" : of.tone})`, display: "flex" }}>
    <StateIcon of={of} size={16} />
  </span>
);

const matches = (text: string, ...fields: string[]) => fields.some((field) => field.toLowerCase().includes(text.toLowerCase()));

/** Opens each time that `asked` goes up. */
export default function Palette({ asked: times }: { asked: number }) {
  useEffect(() => spotlight.open(), [times]);
  const [text, setText] = useState("");
  const { verb, name } = asked(text);
  const [searched] = useDebouncedValue(name, 120);
  const { data: instances } = useQuery(found(searched));
  const { data: docks } = useQuery(q.docks);
  const navigate = useNavigate();
  const { toggleColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const screens = [...useNav(), SETTINGS];

  const open = (instance: Instance) => void navigate({ to: "/containers/$dock/$id", params: { dock: instance.dock, id: instance.id }, search: {} });
  const act = (instance: Instance, one: Verb): SpotlightActionData => {
    const no = whyNot(instance, one);
    return {
      id: `${one.name}-${instance.id}`,
      label: named(one, instance),
      description: no ?? `${instance.dock} · ${look(instance).label}`,
      leftSection: <one.icon size={16} />,
      disabled: no !== null,
      onClick: () => one.run(instance, navigate),
    };
  };
  const container = (instance: Instance): SpotlightActionData => {
    const state = look(instance);
    return { id: instance.id, label: instance.name, description: `${instance.dock} · ${instance.image} · ${state.label}`, leftSection: colored(state), onClick: () => open(instance) };
  };
  const dock = (one: Dock): SpotlightActionData => {
    const state = dockLook(one);
    return {
      id: `dock-${one.name}`,
      label: one.name,
      description: `${state.label} · ${one.reachable ? one.running : "?"} of ${one.containers} running`,
      leftSection: <IconServer2 size={16} />,
      onClick: () => void navigate({ to: "/docks/$dock", params: { dock: one.name }, search: {} }),
    };
  };

  const hits = name && instances ? instances.instances : [];
  const listed = hits.map((instance) => instance.id).join();
  useEffect(selectFirst, [text, listed]);
  const commands: SpotlightActionData[] = [
    { id: "create", label: "Create container", leftSection: <IconPlus size={16} />, onClick: () => void navigate({ to: "/containers/new", search: {} }) },
    { id: "scheme", label: dark ? "Switch to light" : "Switch to dark", leftSection: dark ? <IconSun size={16} /> : <IconMoon size={16} />, onClick: toggleColorScheme },
  ];
  const groups: SpotlightActionGroupData[] = verb
    ? [{ group: "Containers", actions: hits.flatMap((instance) => offered(instance).filter((one) => one.name === verb).map((one) => act(instance, one))) }]
    : [
        { group: "Containers", actions: hits.map(container) },
        { group: hits[0] ? `Do to ${hits[0].name}` : "", actions: hits[0] ? offered(hits[0]).map((one) => act(hits[0]!, one)) : [] },
        { group: "Docks", actions: (docks?.docks ?? []).filter((one) => matches(name, one.name)).slice(0, 6).map(dock) },
        {
          group: "Go to",
          actions: screens
            .filter((screen) => matches(name, screen.label))
            .map((screen) => ({ id: screen.to, label: screen.label, leftSection: <screen.icon size={16} />, onClick: () => void navigate({ to: screen.to }) })),
        },
        { group: "Commands", actions: commands.filter((command) => matches(name, String(command.label))) },
      ];
  const waits = name !== searched || (name !== "" && instances === undefined);
  const shown = groups.filter((group) => group.actions.length > 0);
  return (
    <Spotlight.Root attributes={{ content: { "aria-label": "Find anything" } }} store={store} shortcut={null} query={text} onQueryChange={setText} scrollable maxHeight={460} overlayProps={{ backgroundOpacity: 0.4, blur: 3 }}>
      <Spotlight.Search placeholder="Find a container, dock or command; or “stop web”" leftSection={<IconSearch size={18} />} aria-label="Find a container, dock or command" />
      <Spotlight.ActionsList>
        {shown.map(({ group, actions }) => (
          <Spotlight.ActionsGroup key={group} label={group}>
            {actions.map(({ id, ...action }) => (
              <Spotlight.Action key={id} highlightQuery {...action} />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {shown.length === 0 && <Spotlight.Empty>{waits ? "Searching…" : "Nothing matches"}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
