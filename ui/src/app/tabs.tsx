// The phone's ways to the screens: five tabs, and a sheet with the rest.
import { useEffect, useState } from "react";
import { Drawer } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { IconDots } from "@tabler/icons-react";
import { isAt, NAV, SETTINGS, TABS, useNav } from "./nav";

export function Tabs() {
  const { pathname } = useLocation();
  const [opened, setOpened] = useState(false);
  const tabs = NAV.filter((item) => TABS.includes(item.to));
  const rest = [...useNav().filter((item) => !TABS.includes(item.to)), SETTINGS];
  const elsewhere = rest.some((item) => isAt(pathname, item.to));
  useEffect(() => setOpened(false), [pathname]);
  return (
    <>
      <nav className="tabs" aria-label="Main">
        {tabs.map((item) => (
          <Link key={item.to} to={item.to} data-active={isAt(pathname, item.to)} aria-current={isAt(pathname, item.to) ? "page" : undefined}>
            <item.icon size={20} stroke={1.8} aria-hidden />
            {item.label}
          </Link>
        ))}
        <button type="button" data-active={elsewhere} aria-expanded={opened} onClick={() => setOpened(true)}>
          <IconDots size={20} stroke={1.8} aria-hidden />
          More
        </button>
      </nav>
      <Drawer opened={opened} onClose={() => setOpened(false)} position="bottom" size="auto" title="More" classNames={{ content: "more-sheet" }} closeButtonProps={{ "aria-label": "Close" }}>
        <nav className="nav" aria-label="More">
          {rest.map((item) => (
            <Link key={item.to} to={item.to} data-active={isAt(pathname, item.to)} aria-current={isAt(pathname, item.to) ? "page" : undefined}>
              <item.icon size={20} stroke={1.8} aria-hidden />
              {item.label}
            </Link>
          ))}
        </nav>
      </Drawer>
    </>
  );
}
