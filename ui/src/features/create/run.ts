// Creates what the form says: fetches the image first where it is missing, so that how far that is can be seen.
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { notifications } from "@mantine/notifications";
import { q, qc } from "@/api/client";
import { send } from "@/api/requests";
import type { Images } from "@/api/types";
import { isCalled } from "../images/group";
import { pull } from "../images/pulls";
import { blamed, toRequest, type Form, type Wrong } from "./form";

export interface Refused {
  message: string;
  requestId: string | null;
  /** What was sent: a field that was changed since is not to blame any more. */
  form: Form;
  field: string | null;
}

export type Phase = "idle" | "pulling" | "creating";

/** Whether the image is known not to be on the dock that was chosen. */
export const isMissing = (form: Form, images: Images | undefined) => !!form.dock && !!form.image && !!images && !images.images.some((row) => row.dock === form.dock && isCalled(row, form.image.trim()));

function reason(form: Form, dock: string) {
  if (form.dock) return `On ${dock}, as you chose.`;
  const labels = form.dockLabels.filter(({ name }) => name);
  return `The cluster picked ${dock}: of the docks that answer${labels.length ? ` and have ${labels.map(({ name, value }) => `${name}=${value}`).join(", ")}` : ""}, it had the fewest instances.`;
}

export function useCreate(template: string | undefined, onDone: () => void) {
  const navigate = useNavigate();
  const [phase, setPhase] = useState<Phase>("idle");
  const [refused, setRefused] = useState<Refused | null>(null);
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => void (here.current = false);
  }, []);

  const refuse = (form: Form, code: string | null, message: string | null, requestId: string | null) => {
    const why = message ?? "Nothing is known of how it ended. Look at the activity before you send it again.";
    setRefused({ message: why, requestId, form, field: blamed(code, why) });
    setPhase("idle");
  };

  const run = async (form: Form) => {
    setRefused(null);
    const fields = toRequest(form, template);
    // Those who may only create have the create fetch it, which nobody sees the progress of.
    const mayPull = qc.getQueryData(q.me.queryKey)?.rights.includes("create");
    if (mayPull && form.dock && form.image && (form.pull === "always" || (form.pull === "missing" && isMissing(form, qc.getQueryData(q.images.queryKey))))) {
      setPhase("pulling");
      const end = await pull(form.dock, form.image.trim());
      // Where only its progress could not be seen, the create itself fetches what is missing.
      if (end.state !== "done" && !end.broken) return refuse(form, "pull-failed", end.message ?? "The pull was cancelled.", end.requestId);
      if (end.state === "done") delete fields["pull"];
    }
    setPhase("creating");
    const name = form.name || form.image || template || "";
    const end = await send("create-container", fields, `create:${name}`, name);
    void qc.invalidateQueries({ queryKey: ["instances"] });
    void qc.invalidateQueries({ queryKey: q.images.queryKey });
    if (end.state !== "done") return refuse(form, end.error, end.message, end.requestId);
    setPhase("idle");
    onDone();
    const several = Number(form.instances) > 1;
    const made = several ? `${form.instances} of ${name}` : (end.name ?? name);
    const verb = form.start ? "runs" : "is made";
    notifications.show({ title: `${made} ${several ? verb.replace("runs", "run").replace("is", "are") : verb}`, message: several || !end.dock ? "One on each dock that fits in turn, the rest where it fits best." : reason(form, end.dock), autoClose: 12_000 });
    if (!here.current) return;
    if (!several && end.dock && end.id) void navigate({ to: "/containers/$dock/$id", params: { dock: end.dock, id: end.id } });
    else void navigate({ to: "/containers", search: { q: form.name || form.image } });
  };

  /** What is still to blame in the form as it is now. */
  const blame = (form: Form): Wrong => {
    const field = refused?.field as keyof Form | null | undefined;
    return refused && field && JSON.stringify(form[field]) === JSON.stringify(refused.form[field]) ? { [field]: refused.message } : {};
  };

  return { phase, refused, run, blame };
}
