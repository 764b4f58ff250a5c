// The heading of a screen, one line of what is on it, and what may be done there.
import type { ReactNode } from "react";
import { Title } from "@mantine/core";
import "./panels.css";

export function PageHead({ title, children, actions }: { title: ReactNode; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="page-head">
      <div>
        <Title order={1}>{title}</Title>
        {/* A line is kept for it while it is not known yet. */}
        <p>{children ?? " "}</p>
      </div>
      {actions}
    </div>
  );
}
