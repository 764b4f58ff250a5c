// A button that stays in reach when it may not be pressed, and then says why.
import type { ReactNode } from "react";
import { Button, type ButtonProps } from "@mantine/core";

interface Props extends Omit<ButtonProps, "disabled"> {
  /** Why it may not be pressed now. */
  why: string | null;
  onClick: () => void;
  children: ReactNode;
  type?: "button" | "submit";
}

export function WhyButton({ why, onClick, children, ...props }: Props) {
  return (
    <Button {...props} {...(why ? { "data-disabled": true, "data-tip": why, "aria-disabled": true } : {})} onClick={() => why ?? onClick()}>
      {children}
    </Button>
  );
}

interface IconProps {
  /** What it does, with what it does it to. */
  label: string;
  /** The short word of the tooltip. */
  tip: string;
  why: string | null;
  onClick: () => void;
  icon: ReactNode;
}

/** The same as an icon in a row: a plain element. */
export function WhyIcon({ label, tip, why, onClick, icon }: IconProps) {
  return (
    <button type="button" className="ib" data-tip={why ?? tip} aria-label={why ? `${label} (unavailable: ${why})` : label} aria-disabled={!!why} onClick={() => why ?? onClick()}>
      {icon}
    </button>
  );
}
