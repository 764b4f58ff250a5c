// Keeps what is around a part when the part fails; the screens have the router's own.
import { Component, type ReactNode } from "react";
import { Button, Text } from "@mantine/core";

interface GuardProps {
  /** What failed, as the beginning of a sentence. */
  what: string;
  children: ReactNode;
}

export class Guard extends Component<GuardProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div role="alert" style={{ padding: 16 }}>
        <Text mb={8}>{this.props.what} could not be shown. The node may have been upgraded, or does not answer.</Text>
        <Button onClick={() => location.reload()}>Load the page again</Button>
      </div>
    );
  }
}
