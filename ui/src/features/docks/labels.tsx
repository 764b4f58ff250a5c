// The labels of a dock, by which a new container can choose it.
import "./docks.css";

export const Labels = ({ labels }: { labels: Record<string, string> }) => (
  <ul className="dock-labels" aria-label="Labels">
    {Object.entries(labels).map(([name, value]) => (
      <li key={name}>{value ? `${name}=${value}` : name}</li>
    ))}
  </ul>
);
