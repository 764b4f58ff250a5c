import type { Instance } from "@/api/types";
import type { DialogName } from "./dialogs";

interface Props {
  name: DialogName;
  instances: Instance[];
  left: { instance: Instance; why: string }[];
  close: () => void;
  done: () => void;
}

export default function Forms(_: Props) {
  return null;
}
