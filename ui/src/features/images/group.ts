// The same image on several docks is one row: its id, or the digest that a registry gave it, tells.
import type { ImageRow, Instance } from "@/api/types";

export interface ImageGroup {
  key: string;
  /** All its names, on whichever dock. */
  tags: string[];
  digests: string[];
  rows: ImageRow[];
  size: number;
  created: number;
  /** The instances whose image it is. */
  users: Pick<Instance, "id" | "name" | "dock" | "condition">[];
  /** Names of it that mean another image on another dock. */
  differs: string[];
}

const digestOf = (digest: string) => digest.slice(digest.indexOf("@") + 1);
const unique = (texts: string[]) => [...new Set(texts)];

/** A name as Docker writes it out: `nginx` is `docker.io/library/nginx:latest`. */
export function fullName(name: string): string {
  if (/^(sha256:)?[0-9a-f]{12,64}$/.test(name)) return name;
  const at = name.indexOf("/");
  const first = at < 0 ? "" : name.slice(0, at);
  const registry = /[.:]|^localhost$/.test(first);
  const path = registry ? name : `docker.io/${at < 0 ? "library/" : ""}${name}`;
  return path.includes("@") || path.slice(path.lastIndexOf("/")).includes(":") ? path : `${path}:latest`;
}

/** Whether an image is the one of that name, id or digest. */
export function isCalled(image: ImageRow, name: string): boolean {
  const bare = name.replace(/^sha256:/, "");
  if (/^[0-9a-f]{12,64}$/.test(bare)) return image.id.replace(/^sha256:/, "").startsWith(bare);
  const full = fullName(name);
  return image.tags.some((tag) => fullName(tag) === full) || image.digests.some((digest) => fullName(digest) === full || full.endsWith(digestOf(digest)));
}

export function groupImages(images: ImageRow[], instances: Instance[]): ImageGroup[] {
  const byKey = new Map<string, ImageRow[]>();
  for (const image of images) {
    const keys = [image.id, ...image.digests.map(digestOf)];
    // One row may bring two groups together: the same id here, the same digest there.
    const known = new Set(keys.flatMap((key) => byKey.get(key) ?? []));
    const rows = [...known, image];
    for (const row of rows) for (const key of [row.id, ...row.digests.map(digestOf)]) byKey.set(key, rows);
  }
  const byDock = ofDocks(instances);
  const tagged = new Map<string, number>();
  const sets = [...new Set(byKey.values())];
  for (const rows of sets) for (const tag of unique(rows.flatMap((row) => row.tags))) tagged.set(tag, (tagged.get(tag) ?? 0) + 1);
  return sets.map((rows) => {
    const tags = unique(rows.flatMap((row) => row.tags)).sort();
    return {
      key: rows.map((row) => row.id).sort()[0]!,
      tags,
      digests: unique(rows.flatMap((row) => row.digests)),
      rows: [...rows].sort((a, b) => a.dock.localeCompare(b.dock)),
      size: Math.max(...rows.map((row) => row.size)),
      created: Math.max(...rows.map((row) => row.created)),
      users: rows.flatMap((row) => (byDock.get(row.dock) ?? []).filter((instance) => isCalled(row, instance.image))),
      differs: tags.filter((tag) => (tagged.get(tag) ?? 0) > 1),
    };
  });
}

function ofDocks(instances: Instance[]) {
  const byDock = new Map<string, Instance[]>();
  for (const instance of instances) {
    const those = byDock.get(instance.dock);
    if (those) those.push(instance);
    else byDock.set(instance.dock, [instance]);
  }
  return byDock;
}

/** What it is called, or that it has no name any more. */
export const nameOf = ({ tags, digests, key }: Pick<ImageGroup, "tags" | "digests" | "key">) => tags[0] ?? digests[0]?.split("@")[0] ?? short(key);
export const short = (id: string) => id.replace(/^sha256:/, "").slice(0, 12);
export const isDangling = (group: Pick<ImageGroup, "tags">) => group.tags.length === 0;

export const fits = (group: ImageGroup, words: string) => {
  const text = [...group.tags, ...group.digests, group.key, isDangling(group) ? "dangling" : ""].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
};
