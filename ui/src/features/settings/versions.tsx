// Which node serves this page, and which versions it and the page have.
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api/client";
import { version } from "../../../package.json";

export function Versions() {
  const { data: node } = useQuery(q.node);
  return (
    <dl className="facts">
      <dt>Node</dt>
      <dd>{node ? `${node.name}, deblox ${node.version}` : "Not known yet"}</dd>
      <dt>This page</dt>
      <dd>deblox-ui {version}</dd>
      <dt>API</dt>
      <dd>
        v1, described in <a href="/api/v1/openapi.json">openapi.json</a>
      </dd>
    </dl>
  );
}
