// The one question before something is removed: it names all that goes, and says what stays and why.
import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";

export interface Removal {
  title: string;
  /** The verb on the button. */
  verb: string;
  /** What goes, a line each. */
  goes: string[];
  /** What it comes to, such as that data is lost. */
  note?: string | undefined;
  /** What stays, with the reason. */
  leftOut?: { name: string; why: string }[];
  onConfirm: () => void;
}

const NAMED = 12;

export function confirmRemoval({ title, verb, goes, note, leftOut = [], onConfirm }: Removal) {
  modals.openConfirmModal({
    title,
    centered: true,
    labels: { confirm: verb, cancel: "Cancel" },
    confirmProps: { color: "red.8", disabled: goes.length === 0 },
    closeButtonProps: { "aria-label": "Close" },
    children: (
      <>
        {goes.length === 0 && <Text size="sm">Nothing of it can be removed now.</Text>}
        <ul className="goes">
          {goes.slice(0, NAMED).map((name) => (
            <li key={name} className="mono">
              {name}
            </li>
          ))}
          {goes.length > NAMED && <li>and {goes.length - NAMED} more</li>}
        </ul>
        {note && (
          <Text size="sm" mt={8}>
            {note}
          </Text>
        )}
        {leftOut.length > 0 && (
          <Text size="sm" c="dimmed" mt={8}>
            {leftOut.length} left out: {leftOut.map(({ name, why }) => `${name} (${why})`).join(", ")}.
          </Text>
        )}
      </>
    ),
    onConfirm,
  });
}
