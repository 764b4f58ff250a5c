import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** All files below a folder. */
export const walk = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
