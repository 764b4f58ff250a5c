// Whose session it is, and the way out of it.
import { Avatar, Menu, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { IconActivity, IconLogout, IconSettings } from "@tabler/icons-react";
import { api, q, qc } from "@/api/client";
import { stop } from "@/api/live";
import { MenuLink } from "@/ui/link";
import { dropDrafts } from "./drafts";

async function signOut() {
  stop();
  await api("/logout", { method: "POST" }).catch(() => {});
  qc.clear();
  dropDrafts();
}

export function Account() {
  const { data: me } = useQuery(q.me);
  const navigate = useNavigate();
  if (!me) return null;
  if (me.user === null) {
    return (
      <span className="dim open-note" data-tip="The node runs with auth “open”: whoever reaches it may do anything." tabIndex={0}>
        open: nobody logs in here
      </span>
    );
  }
  const short = me.user.slice(0, 2).toUpperCase();
  const leave = async () => {
    await signOut();
    await navigate({ to: "/login" });
  };
  return (
    <Menu position="bottom-end" width={220} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <UnstyledButton className="round" aria-label={`${short}, account of ${me.user}`}>
          <Avatar size={32} radius="xl" color="harbor" variant="light" styles={{ placeholder: { color: "var(--accent)" } }}>
            {short}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.user} · {me.role}
        </Menu.Label>
        <MenuLink to="/settings" leftSection={<IconSettings size={16} />}>
          Settings
        </MenuLink>
        <MenuLink to="/activity" leftSection={<IconActivity size={16} />}>
          Activity
        </MenuLink>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
