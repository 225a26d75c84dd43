import type { ClientFrame } from "../protocol.js";
import { framesIn, type Address, type Credentials, type Ears, type Line, type Transport } from "./transport.js";

/** What is used of a WebSocket; that of browsers and of Node (22 and later) will do, and so will the package `ws`. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

const NO_WORD = new Set([1005, 1006]);

/** Server and client talk as they like; the token goes in the first frame, never in the address. */
export class WebSocketTransport implements Transport {
  readonly name = "websocket";

  constructor(private readonly Socket: WebSocketConstructor) {}

  open(address: Address, ears: Ears): Line {
    return new SocketLine(this.Socket, address, ears);
  }
}

class SocketLine implements Line {
  readonly #socket: WebSocketLike;
  #open = false;
  #over = false;

  constructor(Socket: WebSocketConstructor, private readonly address: Address, private readonly ears: Ears) {
    const socket = new Socket(address.url.replace(/^http/, "ws"));
    this.#socket = socket;
    socket.onopen = () => void this.#greet();
    socket.onmessage = (event: { data: unknown }) => this.#heard(event.data);
    socket.onerror = () => undefined; // a close follows, and tells more
    socket.onclose = (event: { code: number }) => this.#end(event.code);
  }

  send(frame: ClientFrame): void {
    if (this.#open && !this.#over) {
      this.#socket.send(JSON.stringify(frame));
    }
  }

  renew(credentials: Credentials): void {
    this.send({ type: "hello", ...credentials, language: this.address.language, arrays: true });
  }

  close(): void {
    this.#socket.close(1000);
    // Where nothing answers any more the closing handshake would take minutes.
    this.#end(1006);
  }

  async #greet(): Promise<void> {
    this.#open = true;
    try {
      this.renew(await this.address.credentials("GET", this.address.url));
    } catch {
      this.close();
    }
  }

  #heard(data: unknown): void {
    if (this.#over) {
      return;
    }
    try {
      this.ears.heard(framesIn(String(data)));
    } catch {
      this.close(); // no JSON: whoever speaks there is not the gateway
    }
  }

  #end(code: number): void {
    if (!this.#over) {
      this.#over = true;
      this.ears.ended(this.#open ? (NO_WORD.has(code) ? { how: "lost" } : { how: "told", code }) : { how: "refused" });
    }
  }
}
