export { EMPTY_DIGEST, canonical, commitmentTo, covered, runningDigest } from "./chain.js";
export { ChatClient, type Opening } from "./client.js";
export { AuthenticationError, ChatError, ClosedError, IntegrityError, RefusedError, SessionOverError, UnsupportedError } from "./errors.js";
export type { ChatHandlers, ChatOptions, Status, StatusChange, Timing, TokenRequest, TokenSource } from "./options.js";
export type { Receipt } from "./outbox.js";
export type * from "./protocol.js";
export type { Bookmark, ChatEntry, ChatSession, Role, SendOptions, SessionHandlers } from "./session.js";
export type { Credentials, TransportName } from "./transports/transport.js";
export type { WebSocketConstructor, WebSocketLike } from "./transports/websocket.js";
