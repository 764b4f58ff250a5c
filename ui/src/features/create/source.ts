// What the form begins with: nothing, what the address says, a template, or a container that there is already.
import { useQuery } from "@tanstack/react-query";
import { call, q } from "@/api/client";
import { fromDocker, fromInspect } from "./docker";
import { EMPTY, type Form } from "./form";

export interface Search {
  dock?: string;
  image?: string;
  /** DOCK/ID of a container. */
  from?: string;
  template?: string;
}

export interface Source {
  form: Form;
  /** What the form cannot show: of a template it counts nevertheless, of a container it is left out. */
  leftOut: string[];
}

type Json = Record<string, unknown>;

async function inspect(from: string): Promise<Source> {
  const at = from.indexOf("/");
  const place = at < 0 ? {} : { dock: from.slice(0, at) };
  const container = await call<Json>("inspect-container", { ...place, id: from.slice(at + 1) });
  const image = (container["Config"] as Json | undefined)?.["Image"];
  // Without its image what that sets by itself cannot be told apart; it does no harm in the form.
  const base = await call<Json>("inspect-image", { ...place, image }).catch(() => ({}));
  const source = fromInspect(container, base);
  // Secrets of a container in which the person may not run anything come masked: they are left out, not copied as they look.
  const isMasked = ({ value }: { value: string }) => value.includes("***");
  const { env, labels } = source.form;
  const leftOut = [...source.leftOut, ...[...env, ...labels].filter(isMasked).map(({ name }) => name)];
  const kept = { env: env.filter((pair) => !isMasked(pair)), labels: labels.filter((pair) => !isMasked(pair)) };
  return { leftOut, form: { ...source.form, ...kept, dock: place.dock ?? "" } };
}

export function useSource(search: Search) {
  const templates = useQuery({ ...q.templates, enabled: !!search.template && !search.from });
  const container = useQuery({ queryKey: ["create", "from", search.from], queryFn: () => inspect(search.from!), enabled: !!search.from, staleTime: Infinity });
  const given: Partial<Form> = { ...(search.dock ? { dock: search.dock } : {}), ...(search.image ? { image: search.image } : {}) };
  const use = ({ form, leftOut }: Source): Source => ({ form: { ...form, ...given }, leftOut });
  if (search.from) return { ...container, source: container.data && use(container.data) };
  if (!search.template) return { source: use({ form: EMPTY, leftOut: [] }), error: null, refetch: () => {} };
  const body = templates.data?.[search.template] as Json | undefined;
  const gone = templates.data && !body ? new Error(`No template is called ${search.template}.`) : null;
  return { source: body && use(fromDocker(body)), error: templates.error ?? gone, refetch: templates.refetch };
}
