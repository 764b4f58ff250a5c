// What streams (logs, statistics, terminals, progress) comes by one websocket per tab, many streams on it. It is opened when
// the first is, and again when it breaks; a stream that was open then ends with `broken`, and whoever reads it decides.
import { parseVisible } from "./visible";
export type Channel = "stdout" | "stderr" | "data" | "head";
const CHANNELS: Channel[] = ["stdout", "stderr", "data", "head"];

/** The one reply of a stream, or why there is none. */
export interface End {
  /** Docker's or deblox's status; 0 if the connection broke. */
  status: number;
  error: string | null;
  message: string | null;
  requestId: string | null;
  exitCode: number | null;
}
export interface Handlers {
  data: (bytes: Uint8Array, channel: Channel) => void;
  /** So many chunks are kept no longer. */
  gap?: (missing: number) => void;
  end?: (end: End) => void;
}
export interface Streaming {
  /** Bytes for the process; large ones go in pieces. */
  write: (bytes: Uint8Array) => void;
  resize: (rows: number, cols: number) => void;
  /** The end of its standard input. */
  finish: () => void;
  /** Nothing more is wanted of it. */
  cancel: () => void;
}

const PIECE = 32 * 1024;
const open = new Map<number, Handlers>();
let socket: WebSocket | null = null;
let queue: (string | Uint8Array<ArrayBuffer>)[] = [];
let last = 0;

const put = (message: string | Uint8Array<ArrayBuffer>) => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(message);
  else queue.push(message);
};

function connect() {
  const own = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/streams`);
  own.binaryType = "arraybuffer";
  socket = own;
  own.onopen = () => {
    for (const message of queue) own.send(message);
    queue = [];
  };
  own.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data === "string") {
      const message = parseVisible<{ stream: number; gap?: number; end?: End }>(data);
      const handlers = open.get(message.stream);
      if (message.gap) handlers?.gap?.(message.gap);
      if (message.end) {
        open.delete(message.stream);
        handlers?.end?.(message.end);
      }
      return;
    }
    const view = new DataView(data);
    open.get(view.getUint32(0))?.data(new Uint8Array(data, 5), CHANNELS[view.getUint8(4)] ?? "data");
  };
  own.onclose = () => {
    if (socket !== own) return;
    socket = null;
    queue = [];
    const broken = [...open.values()];
    open.clear();
    for (const handlers of broken) handlers.end?.({ status: 0, error: "broken", message: "The connection to the node broke.", requestId: null, exitCode: null });
  };
}

/** Opens a stream: a request of the bus that streams, such as {action: "container-logs", follow: true, …}. */
export function stream(request: Record<string, unknown>, handlers: Handlers): Streaming {
  const number = ++last;
  open.set(number, handlers);
  if (!socket) connect();
  put(JSON.stringify({ stream: number, open: request }));
  const alive = () => open.has(number);
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length && alive(); at += PIECE) {
        const piece = bytes.subarray(at, at + PIECE);
        const framed = new Uint8Array(4 + piece.length);
        new DataView(framed.buffer).setUint32(0, number);
        framed.set(piece, 4);
        put(framed);
      }
    },
    resize: (rows, cols) => alive() && put(JSON.stringify({ stream: number, rows, cols })),
    finish: () => alive() && put(JSON.stringify({ stream: number, finish: true })),
    cancel: () => {
      if (!open.delete(number)) return;
      put(JSON.stringify({ stream: number, cancel: true }));
    },
  };
}
