// How far a pull is, from what Docker says of it (Docker Engine API, `POST /images/create`: JSON, a line each).

export interface Said {
  id?: string;
  status?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

export type Step = "waiting" | "downloading" | "extracting" | "done";
export interface Layer {
  id: string;
  step: Step;
  /** Bytes of this step; `total` is null where the daemon does not tell. */
  current: number;
  total: number | null;
}
export interface Progress {
  layers: Layer[];
  /** What was said last of the image as a whole. */
  words: string;
  error: string | null;
}

export const NOTHING: Progress = { layers: [], words: "", error: null };

const STEPS: [RegExp, Step][] = [
  [/^(Pulling fs layer|Waiting|Retrying)/, "waiting"],
  [/^Downloading/, "downloading"],
  [/^(Verifying Checksum|Download complete|Extracting)/, "extracting"],
  [/^(Pull complete|Already exists|Layer already exists)/, "done"],
];

/** The progress after one more line. */
export function advance(progress: Progress, said: Said): Progress {
  if (said.error) return { ...progress, error: said.error };
  const status = said.status ?? "";
  const step = said.id && STEPS.find(([words]) => words.test(status))?.[1];
  if (!step || !said.id) return { ...progress, words: status || progress.words };
  const before = progress.layers.find(({ id }) => id === said.id);
  const { current, total } = said.progressDetail ?? {};
  // "Download complete" and "Verifying Checksum" bring no numbers: the step begins.
  const same = before?.step === step;
  const layer: Layer = { id: said.id, step, current: current ?? (same ? before.current : 0), total: total ?? before?.total ?? null };
  const layers = before ? progress.layers.map((one) => (one === before ? layer : one)) : [...progress.layers, layer];
  return { ...progress, layers };
}

/** How much of a layer is there, 0 to 1: half of it is fetching, half is unpacking. */
export function part({ step, current, total }: Layer): number {
  const share = total ? Math.min(1, current / total) : 0;
  if (step === "done") return 1;
  if (step === "extracting") return 0.5 + share / 2;
  return step === "downloading" ? share / 2 : 0;
}

/** How much of the whole is there, by size where that is known. */
export function whole({ layers }: Progress): number {
  const weight = (layer: Layer) => layer.total ?? 1;
  const all = layers.reduce((sum, layer) => sum + weight(layer), 0);
  return all ? layers.reduce((sum, layer) => sum + part(layer) * weight(layer), 0) / all : 0;
}
