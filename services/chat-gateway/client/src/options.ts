import { UnsupportedError } from "./errors.js";
import type { ErrorFrame, NoticeFrame, ServerFrame } from "./protocol.js";
import type { ChatError } from "./errors.js";
import type { Credentials, TransportName } from "./transports/transport.js";
import type { WebSocketConstructor } from "./transports/websocket.js";

/** What a token is asked for. */
export interface TokenRequest {
  /** True when the one before was refused, or is about to expire: a kept one will not do. */
  renew: boolean;
  /** For a proof of possession (DPoP, RFC 9449): what it has to be made for. */
  method: string;
  url: string;
  signal: AbortSignal;
}

export type TokenSource = (ask: TokenRequest) => string | Credentials | Promise<string | Credentials>;

/** All in milliseconds. */
export interface Timing {
  /** First pause before another attempt; each further one is up to twice as long. */
  firstRetry: number;
  mostRetry: number;
  /** Within this time a line has to come about. */
  welcome: number;
  /** After so much silence the gateway is asked whether it is there … */
  idle: number;
  /** … and has so long to answer. */
  reply: number;
  /** A line that is cut within this time was perhaps cut by a proxy that does not bear it. */
  shortLived: number;
  /** After this time on a lesser transport a reconnect tries the better ones again. */
  climb: number;
  /** How long before the token expires a new one is asked for. */
  renewal: number;
}

export const TIMING: Timing = {
  firstRetry: 250,
  mostRetry: 30_000,
  welcome: 8_000,
  idle: 25_000,
  reply: 8_000,
  shortLived: 10_000,
  climb: 300_000,
  renewal: 60_000,
};

/** `waiting`: until the next attempt. `closed`: for good. */
export type Status = "connecting" | "online" | "waiting" | "closed";

export interface StatusChange {
  status: Status;
  /** What carries the line, or is tried. */
  transport: TransportName;
  /** While waiting: until the next attempt. */
  retryInMs?: number;
}

export interface ChatHandlers {
  onStatus?(change: StatusChange): void;
  /** The statement came, perhaps in a newer version than before. */
  onNotice?(notice: NoticeFrame): void;
  /** Something was refused that nobody waits for, or this client ended for good (then `status` is `closed`). */
  onError?(error: ChatError): void;
  /** Every frame that is not of a session that was opened here: of the desk, offers, and whatever a newer gateway says. */
  onFrame?(frame: Exclude<ServerFrame, ErrorFrame>): void;
}

export interface ChatOptions extends ChatHandlers {
  /** Where the gateway is: `https://chat.agency.example`, or a path of the page's own origin. Never with a token in it. */
  url: string;
  token: string | TokenSource;
  /** Of the statement, if it can be had in it. */
  language?: string;
  /** Which transports to try, the best first. */
  transports?: readonly TransportName[];
  /** Ends the client, as `close` does. */
  signal?: AbortSignal;
  timing?: Partial<Timing>;
  /** Instead of the platform's own; Node has one from version 22 on. */
  webSocket?: WebSocketConstructor;
  fetch?: typeof fetch;
  /** Tokens travel by TLS, or within this machine. True: by plain http too, inside a network that is trusted. */
  insecure?: boolean;
}

/**
 * The address of the chat.
 *
 * @throws UnsupportedError it is no address, carries more than one, or would send tokens in the open.
 */
export function chatUrl(options: ChatOptions): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(options.url.replace(/\/*$/, "/v1/chat"), page);
  } catch {
    throw new UnsupportedError("url is no address, nor is it a path where there is a page");
  }
  if (!/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw new UnsupportedError("url is an http or https address without user, query and fragment");
  }
  const here = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/.test(url.hostname);
  if (url.protocol === "http:" && !here && !options.insecure) {
    throw new UnsupportedError("a token would travel in the open: url has to be https, or insecure to be true");
  }
  return url.href;
}
