// The forms of what is not done with one click. All of them end at once: what becomes of a request is seen at its row.
import type { Instance } from "@/api/types";
import type { DialogName } from "../dialogs";
import { Confirm } from "./confirm";
import { Give } from "./give";
import { Limits } from "./limits";
import { Recreate } from "./recreate";
import { Rename } from "./rename";
import { Share } from "./share";

export interface DialogProps {
  name: DialogName;
  instances: Instance[];
  /** Those that are marked too, but of which it may not or cannot be done. */
  left: { instance: Instance; why: string }[];
  close: () => void;
  /** It was asked for. */
  done: () => void;
}

export interface FormProps {
  instance: Instance;
  close: () => void;
}

const FORMS: Partial<Record<DialogName, React.ComponentType<FormProps>>> = { rename: Rename, limits: Limits, recreate: Recreate, share: Share, give: Give };

export default function Forms(props: DialogProps) {
  const Form = FORMS[props.name];
  const [instance] = props.instances;
  return Form && instance ? <Form instance={instance} close={props.close} /> : <Confirm {...props} />;
}
