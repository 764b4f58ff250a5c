// What belongs to one thing of a list: a panel at the side, and from below on a phone.
import type { ReactNode } from "react";
import { Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";

interface Props {
  title: string;
  opened: boolean;
  onClose: () => void;
  children: ReactNode;
  size?: number;
}

export function Sheet({ title, opened, onClose, children, size = 460 }: Props) {
  const wide = useMediaQuery("(min-width: 48em)", true, { getInitialValueInEffect: false });
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      title={title}
      position={wide ? "right" : "bottom"}
      size={wide ? size : "88dvh"}
      closeButtonProps={{ "aria-label": "Close" }}
      classNames={{ content: "sheet", header: "sheet", title: "sheet-title" }}
      overlayProps={{ backgroundOpacity: 0.35 }}
    >
      {children}
    </Drawer>
  );
}
