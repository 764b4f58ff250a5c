// All keys on one sheet.
import { Kbd, Modal, SimpleGrid, Switch, Text, Title } from "@mantine/core";
import { NAV, SETTINGS } from "./nav";
import { setKeysOff, useKeysOff } from "./keys";

type Shortcut = [keys: string[], what: string];

const GROUPS: [title: string, shortcuts: Shortcut[]][] = [
  [
    "Everywhere",
    [
      [["Ctrl", "K"], "Find a container, a dock, a command"],
      [["?"], "This help"],
      [["Shift", "D"], "Light or dark"],
      [["/"], "Filter the list"],
      [["Esc"], "Clear the marks, close"],
    ],
  ],
  ["Go to", [...NAV, SETTINGS].filter((item) => item.key).map((item): Shortcut => [["g", item.key!], item.label])],
  [
    "On a row",
    [
      [["j"], "Next row"],
      [["k"], "Row before"],
      [["Enter"], "Open"],
      [["x"], "Mark"],
      [["s"], "Stop, or start"],
      [["r"], "Restart"],
      [["l"], "Logs"],
      [["t"], "Terminal"],
    ],
  ],
];

/** All of them, by where they work, and a switch for those of single letters. */
export function Shortcuts() {
  const off = useKeysOff();
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
        {GROUPS.map(([title, shortcuts]) => (
          <section key={title} aria-label={title}>
            <Title order={3} fz={13} mb={6}>
              {title}
            </Title>
            <dl className="keys">
              {shortcuts.map(([keys, what]) => (
                <div key={what}>
                  <dt>{what}</dt>
                  <dd>
                    {keys.map((key) => (
                      <Kbd key={key} size="xs">
                        {key}
                      </Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </SimpleGrid>
      <Switch mt="lg" label="Shortcuts of single letters" checked={!off} onChange={(event) => setKeysOff(!event.currentTarget.checked)} />
      <Text size="sm" c="dimmed" mt={4}>
        Turn them off if you dictate, or if they get in your way. Ctrl-K goes on working.
      </Text>
    </>
  );
}

export function Help({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" size="lg" centered closeButtonProps={{ "aria-label": "Close" }}>
      <Shortcuts />
    </Modal>
  );
}
