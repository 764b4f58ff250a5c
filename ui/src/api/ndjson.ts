// Reads answers that come line by line, each line JSON, while they come.
import { ApiError } from "./client";
import type { Problem } from "./types";
import { visible } from "./visible";

/** The lines of what comes in pieces cut anywhere, also in the middle of a letter. */
export class Lines {
  private decoder = new TextDecoder();
  private kept = "";

  /** The whole lines that a piece completes. */
  push(bytes: Uint8Array): string[] {
    const lines = (this.kept + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.kept = lines.pop()!;
    return lines.map((line) => line.trimEnd()).filter(Boolean);
  }

  /** What has come since the last line's end. */
  rest(): string[] {
    const last = (this.kept + this.decoder.decode()).trim();
    this.kept = "";
    return last ? [last] : [];
  }
}

/** Each object of a stream of lines, as it comes. What is not JSON is a fault of the node's. */
export async function* objects<T>(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<T> {
  const lines = new Lines();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      for (const line of done ? lines.rest() : lines.push(value)) yield JSON.parse(line) as T;
      if (done) return;
    }
  } finally {
    // Whoever stops reading wants no more of it.
    void reader.cancel().catch(() => {});
  }
}

/** Asks the node for a path of the API that answers line by line. */
export async function* ask<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await fetch(`/api/v1${path}`, { credentials: "same-origin", signal }).catch((error: Error) => {
    throw signal.aborted ? error : new ApiError(0, "unreachable", "The node does not answer.");
  });
  if (!response.ok || !response.body) {
    const problem = visible((await response.json().catch(() => null)) as Problem | null);
    throw new ApiError(response.status, problem?.code ?? "unknown", problem?.detail ?? `the node answered ${response.status}`, problem?.requestId ?? null);
  }
  yield* objects<T>(response.body);
}
