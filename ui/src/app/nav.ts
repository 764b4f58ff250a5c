// The screens, in the order in which they are offered; and the keys that lead to them after `g`.
import {
  IconActivity,
  IconBox,
  IconDatabase,
  IconFileText,
  IconHistory,
  IconLayoutDashboard,
  IconNetwork,
  IconPhoto,
  IconServer2,
  IconSettings,
  IconTemplate,
  IconUsers,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api/client";

export type Screen = "/" | "/containers" | "/docks" | "/images" | "/networks" | "/volumes" | "/templates" | "/logs" | "/events" | "/activity" | "/users" | "/settings";
export interface NavItem {
  to: Screen;
  label: string;
  icon: React.ComponentType<{ size?: number; stroke?: number; "aria-hidden"?: boolean }>;
  key?: string;
  admins?: true;
}

export const NAV: NavItem[] = [
  { to: "/", label: "Overview", icon: IconLayoutDashboard, key: "o" },
  { to: "/containers", label: "Containers", icon: IconBox, key: "c" },
  { to: "/docks", label: "Docks", icon: IconServer2, key: "d" },
  { to: "/images", label: "Images", icon: IconPhoto, key: "i" },
  { to: "/networks", label: "Networks", icon: IconNetwork, key: "n" },
  { to: "/volumes", label: "Volumes", icon: IconDatabase, key: "v" },
  { to: "/templates", label: "Templates", icon: IconTemplate },
  { to: "/logs", label: "Logs", icon: IconFileText, key: "l" },
  { to: "/events", label: "Events", icon: IconHistory, key: "e" },
  { to: "/activity", label: "Activity", icon: IconActivity, key: "a" },
  { to: "/users", label: "Users", icon: IconUsers, admins: true },
];
export const SETTINGS: NavItem = { to: "/settings", label: "Settings", icon: IconSettings, key: "s" };

/** The five that a phone has room for. */
export const TABS: Screen[] = ["/", "/containers", "/docks", "/logs", "/events"];

/** What whoever is logged in may open. Where nobody logs in there are no users to look after. */
export function useNav(): NavItem[] {
  const { data: me } = useQuery(q.me);
  return NAV.filter((item) => !item.admins || me?.role === "admin");
}

export const isAt = (pathname: string, to: Screen) => (to === "/" ? pathname === "/" : pathname === to || pathname.startsWith(`${to}/`));
