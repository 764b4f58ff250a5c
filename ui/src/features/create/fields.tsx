// Lists of the form: a row each, with what is wrong with it below it.
import type { ReactNode } from "react";
import { Button } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import type { Wrong } from "./form";

export interface Part<T> {
  field: keyof T & string;
  label: string;
  placeholder?: string;
  /** How much of the row it takes. */
  grow?: number;
  /** Instead of a text, one of these. */
  choices?: string[];
}

interface Props<T> {
  /** The list's name in the form, and as people read it. */
  list: string;
  title: string;
  /** What one of it is called, for names of buttons. */
  one: string;
  rows: T[];
  blank: T;
  parts: Part<T>[];
  wrong: Wrong;
  onChange: (rows: T[]) => void;
  children?: ReactNode;
}

export function Rows<T extends object>({ list, title, one, rows, blank, parts, wrong, onChange, children }: Props<T>) {
  const put = (at: number, change: Partial<T>) => onChange(rows.map((row, index) => (index === at ? { ...row, ...change } : row)));
  return (
    <section className="form-list" id={`field-${list}`} tabIndex={-1} aria-label={title}>
      <h3>{title}</h3>
      {children && <p className="faint">{children}</p>}
      {wrong[list] && <p className="wrong">{wrong[list]}</p>}
      {rows.map((row, at) => {
        const why = wrong[`${list}.${at}`];
        const whyId = `wrong-${list}-${at}`;
        return (
          // Rows have no name of their own but their place.
          // eslint-disable-next-line react/no-array-index-key
          <div key={at}>
            <div className="form-row" data-wrong={why ? true : undefined}>
              {parts.map(({ field, label, placeholder, grow = 1, choices }) => {
                const value = String(row[field] ?? "");
                const name = `${label} of ${one} ${at + 1}`;
                const change = ({ currentTarget }: { currentTarget: { value: string } }) => put(at, { [field]: currentTarget.value } as Partial<T>);
                return choices ? (
                  <select key={field} className="cell" aria-label={name} value={value} onChange={change}>
                    {choices.map((choice) => (
                      <option key={choice}>{choice}</option>
                    ))}
                  </select>
                ) : (
                  <input key={field} className="cell" style={{ flexGrow: grow }} aria-label={name} aria-invalid={!!why} aria-describedby={why ? whyId : undefined} placeholder={placeholder} value={value} onChange={change} autoComplete="off" autoCapitalize="off" spellCheck={false} />
                );
              })}
              <button type="button" className="ib" aria-label={`Take ${one} ${at + 1} out`} data-tip="Take out" onClick={() => onChange(rows.filter((_, index) => index !== at))}>
                <IconX size={16} aria-hidden />
              </button>
            </div>
            {why && (
              <p className="wrong" id={whyId}>
                {why}
              </p>
            )}
          </div>
        );
      })}
      <Button variant="subtle" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => onChange([...rows, { ...blank }])}>
        Add {one}
      </Button>
    </section>
  );
}
