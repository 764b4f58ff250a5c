// How somebody wants to see things, its password, tokens and sessions, the keys, and which versions these are.
import type { ReactNode } from "react";
import { SegmentedControl, Text, Title, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Shortcuts } from "@/app/help";
import { q } from "@/api/client";
import type { Me } from "@/api/types";
import { PageHead } from "@/ui/page-head";
import { setPrefs, usePrefs, type Prefs } from "@/ui/prefs";
import { SessionList } from "../sessions";
import { TokenList } from "../tokens";
import { Password } from "./password";
import { Versions } from "./versions";
import "./settings.css";

const SCHEMES = [
  { value: "auto", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];
const DENSITIES = [
  { value: "comfortable", label: "Comfortable" },
  { value: "compact", label: "Compact" },
];
const TIMES = [
  { value: "relative", label: "4m ago" },
  { value: "absolute", label: "21:06:56" },
];

export function Settings() {
  const { data: me } = useQuery(q.me);
  return (
    <>
      <PageHead title="Settings">{me && who(me)}</PageHead>
      <div className="settings">
        <Appearance />
        {me?.user && (
          <>
            <Part title="Your tokens" what="With a token a program logs in as you, with no more than the role that you give it.">
              <TokenList me={me} of="own" />
            </Part>
            <Part title="Your sessions" what="Where you are logged in. End those that you do not know, and change your password then.">
              <SessionList />
            </Part>
            <Part title="Password" what="Your other sessions end when you change it.">
              <Password />
            </Part>
          </>
        )}
        <Part title="Keyboard shortcuts">
          <Shortcuts />
        </Part>
        <Part title="Versions">
          <Versions />
        </Part>
      </div>
    </>
  );
}

function who({ user, role, groups }: Me): string {
  if (user === null) return "Nobody logs in to this node.";
  return `You are ${user}, ${role}${groups.length ? `, in ${groups.join(", ")}` : ""}`;
}

function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { density, times } = usePrefs();
  return (
    <Part title="Appearance" what="Kept by this browser.">
      <Choice label="Theme" data={SCHEMES} value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)} />
      <Choice label="Rows of tables" data={DENSITIES} value={density} onChange={(value) => setPrefs({ density: value as Prefs["density"] })} />
      <Choice label="Times" data={TIMES} value={times} onChange={(value) => setPrefs({ times: value as Prefs["times"] })} />
    </Part>
  );
}

interface ChoiceProps {
  label: string;
  data: { value: string; label: string }[];
  value: string;
  onChange: (value: string) => void;
}

const Choice = ({ label, data, value, onChange }: ChoiceProps) => (
  <div className="choice">
    <span>{label}</span>
    <SegmentedControl aria-label={label} data={data} value={value} onChange={onChange} />
  </div>
);

function Part({ title, what, children }: { title: string; what?: string; children: ReactNode }) {
  return (
    <section className="card panel" aria-label={title}>
      <Title order={2}>{title}</Title>
      {what && (
        <Text size="sm" c="dimmed" mb={12}>
          {what}
        </Text>
      )}
      {children}
    </section>
  );
}
