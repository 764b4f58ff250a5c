// The largest images of a dock.
import { useQuery } from "@tanstack/react-query";
import { Title } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { q } from "@/api/client";
import { bytes, count } from "@/ui/fmt";
import { AnchorLink } from "@/ui/link";
import { Ago } from "@/ui/time";
import { Empty, Trouble } from "@/ui/trouble";
import { WaitingRows } from "../overview/rows";

const SHOWN = 20;

export function ImagesOf({ dock }: { dock: string }) {
  const { data, error, refetch } = useQuery(q.images);
  if (!data) return error ? <Trouble what="Its images" error={error} retry={refetch} /> : <WaitingRows rows={6} />;
  const images = data.images.filter((image) => image.dock === dock).sort((a, b) => b.size - a.size);
  if (images.length === 0) {
    return (
      <Empty icon={IconPhoto} title="No image here">
        <p>One is fetched with the first container, or on the page of images.</p>
      </Empty>
    );
  }
  const total = images.reduce((sum, image) => sum + image.size, 0);
  return (
    <section className="card panel" aria-label="Images">
      <div className="panel-head">
        <Title order={2}>
          {count(images.length, "image")} · at most {bytes(total)}
        </Title>
        <AnchorLink to="/images" search={{ dock }} size="sm">
          {images.length > SHOWN ? `All ${images.length} in the list` : "In the list"}
        </AnchorLink>
      </div>
      <ul className="panel-rows">
        {images.slice(0, SHOWN).map((image) => (
          <li key={image.id}>
            <div className="grow">
              <span className="mono cut">{image.tags.join(", ") || image.id.replace("sha256:", "").slice(0, 12)}</span>
              <span className="faint">
                made <Ago at={image.created * 1_000} />
                {image.tags.length === 0 && " · no name"}
              </span>
            </div>
            <span className="num">{bytes(image.size)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
