import { UnsupportedError } from "../errors.js";
import type { ChatOptions } from "../options.js";
import type { Transport, TransportName } from "./transport.js";
import { WebSocketTransport, type WebSocketConstructor } from "./websocket.js";

const BEST_FIRST: readonly TransportName[] = ["websocket"];

/**
 * The transports that can be tried here, the best first.
 *
 * @throws UnsupportedError there is none.
 */
export function transportsOf(options: ChatOptions): readonly Transport[] {
  const found = (options.transports ?? BEST_FIRST).map((name) => make(name, options)).filter((one) => one !== undefined);
  if (found.length === 0) {
    throw new UnsupportedError("none of the transports is there; Node has a WebSocket from version 22 on, others can be handed in");
  }
  return found;
}

function make(name: TransportName, options: ChatOptions): Transport | undefined {
  const Socket = options.webSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  return name === "websocket" && Socket !== undefined ? new WebSocketTransport(Socket) : undefined;
}
