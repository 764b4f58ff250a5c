// Docker counts bytes since the container began; people ask how fast they come.
import type { Sampled } from "@/api/stats";

type Counter = "rx" | "tx" | "read" | "written";

/** Per second, at each sample but the first; null where the counter began anew. */
export function rates(samples: readonly Sampled[], counter: Counter): (number | null)[] {
  return samples.map((sample, at) => {
    const before = samples[at - 1];
    if (!before || sample.at <= before.at || sample[counter] < before[counter]) return null;
    return (sample[counter] - before[counter]) / ((sample.at - before.at) / 1_000);
  });
}
