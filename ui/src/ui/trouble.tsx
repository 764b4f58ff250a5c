// What stands where nothing could be read, or where there is nothing.
import type { ReactNode } from "react";
import { Button } from "@mantine/core";
import { IconAlertTriangle, IconLock } from "@tabler/icons-react";
import { ApiError } from "@/api/client";
import type { Icon } from "./state";
import { Copyable } from "./copy";
import "./panels.css";

/** Why something could not be read, by which request, and a way to try again. `what` begins the sentence: `The events`. */
export function Trouble({ what, error, retry }: { what: string; error: Error; retry?: () => unknown }) {
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div className="card trouble" role="alert">
      <IconAlertTriangle size={22} aria-hidden />
      <div className="grow">
        <b>{what} could not be read.</b>
        <p>{error.message}</p>
        {requestId && (
          <p>
            Request <Copyable text={requestId} name="request id" />
          </p>
        )}
      </div>
      {retry && (
        <Button variant="default" onClick={() => void retry()}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What may be done where there is nothing yet, or nothing that fits. */
export function Empty({ icon: Icon, title, children, action }: { icon: Icon; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="card empty">
      <Icon size={30} aria-hidden />
      <div className="grow">
        <b>{title}</b>
        {children}
      </div>
      {action}
    </div>
  );
}

/** Who may not see a screen is told why, and who can. */
export const Forbidden = ({ children }: { children: ReactNode }) => (
  <Empty icon={IconLock} title="You may not see this">
    <p>{children}</p>
  </Empty>
);
