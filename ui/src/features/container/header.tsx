// Which container it is, how it is, whose it is, and what can be done to it.
import { Breadcrumbs, Button, Menu, Text, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { IconDotsVertical } from "@tabler/icons-react";
import { usePendingFor } from "@/api/requests";
import type { Instance } from "@/api/types";
import { State } from "@/features/containers/cells";
import { MoreItems } from "@/features/containers/menu";
import { offered, whyNot, type Verb } from "@/features/containers/verbs";
import { AnchorLink } from "@/ui/link";
import { Ago, For } from "@/ui/time";

function VerbButton({ instance, verb }: { instance: Instance; verb: Verb }) {
  const navigate = useNavigate();
  const pending = usePendingFor(instance.id);
  const no = whyNot(instance, verb) ?? (pending ? "Something is under way for it." : null);
  return (
    <Button
      variant="default"
      leftSection={<verb.icon size={16} />}
      aria-disabled={no !== null}
      data-disabled={no !== null || undefined}
      data-tip={no ?? undefined}
      onClick={() => {
        if (no === null) verb.run(instance, navigate);
      }}
    >
      {verb.label}
    </Button>
  );
}

function whose({ mine, owner, offered, offeredToMe }: Instance): string {
  const now = mine ? "yours" : owner === null ? "nobody's" : `${owner}'s`;
  return offered === null ? now : `${now}, offered to ${offeredToMe ? "you" : offered}`;
}

export function Header({ instance }: { instance: Instance }) {
  return (
    <header className="container-head">
      <Breadcrumbs className="container-crumbs" mb={8} separatorMargin={6}>
        <AnchorLink to="/containers" search={{}} size="sm" c="dimmed">
          Containers
        </AnchorLink>
        <AnchorLink to="/docks/$dock" params={{ dock: instance.dock }} search={{}} size="sm" c="dimmed">
          {instance.dock}
        </AnchorLink>
      </Breadcrumbs>
      <div className="container-title">
        <Title order={1}>{instance.name}</Title>
        <State instance={instance} />
      </div>
      <div className="container-verbs">
        {offered(instance)
          .filter((verb) => !verb.shows)
          .map((verb) => (
            <VerbButton key={verb.name} instance={instance} verb={verb} />
          ))}
        <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
          <Menu.Target>
            <Button variant="default" px={10} aria-label={`More for ${instance.name}`}>
              <IconDotsVertical size={16} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown className="menu-sheet">
            <MoreItems instance={instance} />
          </Menu.Dropdown>
        </Menu>
      </div>
      <Text c="dimmed" size="sm" className="num container-sub">
        <span className="mono">{instance.image}</span> · on {instance.dock} · {whose(instance)} ·{" "}
        {instance.condition === "unknown" ? (
          instance.lastSeen === null ? (
            "not known since when"
          ) : (
            <>
              last known <Ago at={instance.lastSeen} />
            </>
          )
        ) : instance.since === null ? (
          instance.status
        ) : (
          <>
            for <For since={instance.since} />
          </>
        )}
      </Text>
    </header>
  );
}
