// When a network or a volume was made, and its labels: the end of its list of facts.
import { Ago } from "@/ui/time";

export function MadeAndLabels({ of }: { of: { created?: number; labels: Record<string, string> } }) {
  const labels = Object.entries(of.labels);
  return (
    <>
      {of.created && (
        <>
          <dt>Made</dt>
          <dd>
            <Ago at={of.created * 1_000} />
          </dd>
        </>
      )}
      {labels.length > 0 && (
        <>
          <dt>Labels</dt>
          <dd className="mono">
            {labels.map(([name, value]) => (
              <div key={name}>
                {name}={value}
              </div>
            ))}
          </dd>
        </>
      )}
    </>
  );
}
