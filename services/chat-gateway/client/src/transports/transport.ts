import type { ClientFrame, ServerFrame } from "../protocol.js";

export type TransportName = "websocket" | "sse" | "longpoll";

/** What proves who is there. `proof`: where the token is bound to a key (DPoP, RFC 9449). */
export interface Credentials {
  token: string;
  proof?: string;
}

/** How a line ended. */
export interface Ending {
  /**
   * - `lost`: without a word;
   * - `told`: the gateway said why, `code` is WebSocket's or PROTOCOL.md's;
   * - `refused`: no line came about, `status` is HTTP's if the gateway answered at all.
   */
  how: "lost" | "told" | "refused";
  code?: number;
  status?: number;
  /** How long to wait, if the gateway asked for it. */
  waitMs?: number;
}

/** What a transport is given. */
export interface Ears {
  /** Frames came, in their order. */
  heard(frames: ServerFrame[]): void;
  /** Nothing more comes. Called once. */
  ended(ending: Ending): void;
}

/** An address of the gateway, and who is there. */
export interface Address {
  /** Where the chat is: `https://…/v1/chat`. */
  url: string;
  language: string;
  /** Within this time a line has to come about. */
  deadlineMs: number;
  /**
   * Asked for each request, since a proof is good for one.
   *
   * @param renew the one before was refused.
   */
  credentials(method: string, url: string, renew?: boolean): Promise<Credentials>;
}

/** A line under way or standing. */
export interface Line {
  send(frame: ClientFrame): void;
  /** Say who is there with a fresh token. */
  renew(credentials: Credentials): void;
  /** End it; `ended` is called. */
  close(): void;
}

/** One way to talk to the gateway. */
export interface Transport {
  readonly name: TransportName;
  open(address: Address, ears: Ears): Line;
}

/** The frames in a message from the gateway: one, or an array of those that are due at the same time. */
export function framesIn(text: string): ServerFrame[] {
  const read = JSON.parse(text) as ServerFrame | ServerFrame[];
  return Array.isArray(read) ? read : [read];
}
