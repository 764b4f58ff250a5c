// What a host uses of its processors, memory and disk. What is not known is a question mark, never zero.
import type { HostUsage } from "@/api/types";
import { bytes } from "@/ui/fmt";
import { Meter } from "@/ui/spark";
import { shares } from "./words";
import "./docks.css";

const of = (part: number | null | undefined, whole: number | null | undefined) => (part == null || whole == null ? undefined : `${bytes(part)} of ${bytes(whole)}`);

export function Meters({ usage }: { usage: HostUsage | null }) {
  const { cpu, memory, disk } = shares(usage);
  return (
    <div className="meters">
      <HostMeter label="CPU" pct={cpu} tip={cpu === null ? undefined : `${cpu.toFixed(1)}% of all processors`} />
      <HostMeter label="Memory" short="Mem" pct={memory} tip={of(usage?.memory, usage?.memoryTotal)} />
      <HostMeter label="Disk" pct={disk} tip={of(usage?.disk, usage?.diskTotal)} />
    </div>
  );
}

function HostMeter({ label, short = label, pct, tip }: { label: string; short?: string; pct: number | null; tip: string | undefined }) {
  if (pct !== null) {
    return (
      <div data-tip={tip}>
        <Meter label={label} short={short} pct={pct} text={`${Math.round(pct)}%`} />
      </div>
    );
  }
  return (
    <div className="meter" data-tip={`${label}: not known`}>
      <div className="meter-words">
        <span className="dim">{short}</span>
        <span>?</span>
      </div>
      <div className="bar" />
    </div>
  );
}
