// What a container uses, over the last minutes.
import { lazy, Suspense, useMemo } from "react";
import { SimpleGrid, Skeleton } from "@mantine/core";
import { IconChartLine } from "@tabler/icons-react";
import { useDockStats, useSamples } from "@/api/stats";
import type { Instance } from "@/api/types";
import { bytes, count, rate } from "@/ui/fmt";
import { Empty } from "@/ui/trouble";
import { isOn } from "@/features/containers/verbs";
import { rates } from "./rates";
import { Silent } from "./silent";

const Chart = lazy(() => import("@/ui/chart"));
const percent = (value: number) => `${value.toFixed(1)}%`;

export function Stats({ instance }: { instance: Instance }) {
  if (instance.condition === "unknown") return <Silent instance={instance} what="What it uses now is not known." />;
  if (!isOn(instance)) {
    return (
      <Empty icon={IconChartLine} title="It does not run">
        <p>What it uses is shown while it does.</p>
      </Empty>
    );
  }
  return <Charts instance={instance} />;
}

function Charts({ instance }: { instance: Instance }) {
  useDockStats(useMemo(() => [instance.dock], [instance.dock]));
  const samples = useSamples(instance.id);
  const times = useMemo(() => samples.map((sample) => sample.at / 1_000), [samples]);
  const last = samples.at(-1);
  if (!last) return <Skeleton h={460} radius="lg" aria-label="Waiting for the first numbers" />;
  return (
    <Suspense fallback={<Skeleton h={460} radius="lg" />}>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing={16}>
        <Chart title="CPU" atLeast={4} times={times} unit={percent} series={[{ label: "used", values: samples.map((sample) => sample.cpu), color: "--accent" }]} aside={`of one processor · ${count(last.pids, "process", "processes")}`} />
        <Chart
          title="Memory"
          binary
          times={times}
          unit={bytes}
          series={[{ label: "used", values: samples.map((sample) => sample.memory), color: "--pause" }]}
          aside={last.memoryLimit > 0 ? `of ${bytes(last.memoryLimit)}` : undefined}
        />
        <Chart
          title="Network"
          atLeast={100}
          times={times}
          unit={rate}
          series={[
            { label: "in", values: rates(samples, "rx"), color: "--ok" },
            { label: "out", values: rates(samples, "tx"), color: "--warn" },
          ]}
        />
        <Chart
          title="Disk"
          atLeast={100}
          times={times}
          unit={rate}
          series={[
            { label: "read", values: rates(samples, "read"), color: "--busy" },
            { label: "written", values: rates(samples, "written"), color: "--bad" },
          ]}
        />
      </SimpleGrid>
    </Suspense>
  );
}
