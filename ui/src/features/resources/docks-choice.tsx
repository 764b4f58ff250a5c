// Which docks: those that cannot be asked now are there too, and say why.
import type { Dock } from "@/api/types";

interface Props {
  legend: string;
  docks: Dock[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
  /** Why a dock cannot be chosen. */
  why: (dock: Dock) => string | null;
  /** What more there is to say of a dock. */
  hint?: (dock: Dock) => string | undefined;
  disabled?: boolean;
}

export function DocksChoice({ legend, docks, chosen, onChange, why, hint, disabled }: Props) {
  return (
    <fieldset className="docks-choice" disabled={disabled}>
      <legend>{legend}</legend>
      {docks.map((dock) => {
        const no = why(dock);
        const more = no ?? hint?.(dock);
        return (
          <label key={dock.name} data-off={!!no || undefined}>
            <input
              type="checkbox"
              className="cb"
              checked={chosen.includes(dock.name)}
              aria-disabled={!!no}
              onChange={({ currentTarget: { checked } }) => {
                if (!no) onChange(checked ? [...chosen, dock.name] : chosen.filter((name) => name !== dock.name));
              }}
            />
            <span>
              {dock.name}
              {more && <small>{more}</small>}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
