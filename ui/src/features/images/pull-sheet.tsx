// Fetches an image to one dock or many, and shows how far each is.
import { useState } from "react";
import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconDownload } from "@tabler/icons-react";
import { q } from "@/api/client";
import { count } from "@/ui/fmt";
import { WhyButton } from "../resources/button";
import { DocksChoice } from "../resources/docks-choice";
import { useDocks } from "../resources/frame";
import { silent } from "../resources/rights";
import { Sheet } from "../resources/sheet";
import { isCalled } from "./group";
import { PullProgress } from "./pull-progress";
import { forget, pull, underWay, usePulls } from "./pulls";

interface Props {
  opened: boolean;
  image: string;
  onClose: () => void;
}

export function PullSheet({ opened, image, onClose }: Props) {
  return (
    <Sheet title="Pull an image" opened={opened} onClose={onClose} size={520}>
      <PullForm image={image} />
    </Sheet>
  );
}

function PullForm({ image: given }: { image: string }) {
  const [image, setImage] = useState(given);
  const [chosen, setChosen] = useState<string[]>([]);
  const docks = useDocks();
  const pulls = usePulls();
  const { data } = useQuery(q.images);
  const name = image.trim();
  const has = (dock: string) => !!name && !!data?.images.some((row) => row.dock === dock && isCalled(row, name));
  const why = !name ? "Which image?" : /\s/.test(name) ? "An image's name has no spaces." : chosen.length === 0 ? "Choose at least one dock." : null;
  const answering = docks.filter((dock) => !silent(dock)).map((dock) => dock.name);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!why) for (const dock of chosen) void pull(dock, name);
      }}
    >
      <Stack gap={16}>
        <TextInput label="Image" placeholder="nginx:1.29" description="A name with its tag or digest; without one, latest is taken." value={image} onChange={(event) => setImage(event.currentTarget.value)} data-autofocus className="mono-input" />
        <DocksChoice legend="To which docks" docks={docks} chosen={chosen} onChange={setChosen} why={silent} hint={(dock) => (has(dock.name) ? "has it; a newer one is fetched if there is one" : undefined)} />
        <Group gap={8}>
          <WhyButton type="submit" why={why} leftSection={<IconDownload size={16} />} onClick={() => {}}>
            {chosen.length > 1 ? `Pull to ${count(chosen.length, "dock")}` : "Pull"}
          </WhyButton>
          <Button variant="subtle" onClick={() => setChosen(chosen.length === answering.length ? [] : answering)}>
            {chosen.length === answering.length && chosen.length > 0 ? "Choose none" : "Choose all that answer"}
          </Button>
        </Group>
        {pulls.length > 0 && (
          <>
            <Group justify="space-between">
              <h3 className="small-head">Pulls of this tab</h3>
              {pulls.some((one) => !underWay(one)) && (
                <Button variant="subtle" size="compact-sm" onClick={forget}>
                  Clear what is over
                </Button>
              )}
            </Group>
            <PullProgress pulls={pulls} />
          </>
        )}
      </Stack>
    </form>
  );
}
