import { UnsupportedError } from "../errors.js";
import type { ChatOptions } from "../options.js";
import { HttpTransport } from "./http.js";
import { polls } from "./longpoll.js";
import { streams } from "./sse.js";
import type { Transport, TransportName } from "./transport.js";
import { WebSocketTransport, type WebSocketConstructor } from "./websocket.js";

const BEST_FIRST: readonly TransportName[] = ["websocket", "sse", "longpoll"];

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
  const given = options.fetch ?? globalThis.fetch;
  const ask: typeof globalThis.fetch = (...what) => given(...what); // a browser's own must be called as a plain function
  switch (name) {
    case "websocket":
      return Socket === undefined ? undefined : new WebSocketTransport(Socket);
    case "sse":
      return new HttpTransport(name, ask, streams);
    case "longpoll":
      return new HttpTransport(name, ask, polls);
    default:
      throw new UnsupportedError("transports are websocket, sse and longpoll");
  }
}
