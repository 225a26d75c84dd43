import { EMPTY_DIGEST, noticeHolds } from "./chain.js";
import { Connection, type Outcome } from "./connection.js";
import { AuthenticationError, ChatError, ClosedError, IntegrityError, RefusedError, UnsupportedError } from "./errors.js";
import { Backoff, Pause } from "./backoff.js";
import { findCrypto, newId } from "./hashing.js";
import { Ladder } from "./ladder.js";
import { chatUrl, TIMING, type ChatOptions, type Status, type Timing, type TokenSource } from "./options.js";
import type { ClientFrame, ErrorFrame, NoticeFrame, Open, Opened, ServerFrame } from "./protocol.js";
import { ChatSession, type Bookmark, type SessionHandlers, type Speaker } from "./session.js";
import { transportsOf } from "./transports/choosing.js";
import type { Transport, TransportName } from "./transports/transport.js";
import { onWake } from "./waking.js";

const UNAUTHENTICATED = 4001;
const GATEWAY_ENDS = new Set([1011, 1012]);
const GATEWAY_REFUSES = new Set([401, 429, 503]);
const TOO_MUCH = new Set([4029, 4030]); // frames, connections
const FLOOD_PAUSE_MS = 5_000;
const MOST_BYTES = 8_192;

/** What a customer opens a session with. */
export interface Opening extends SessionHandlers {
  topic: string;
  /** The statement that was shown and acknowledged, as `connect` gave it. */
  acknowledged: NoticeFrame;
  /** Where nobody serves the topic now: leave what is said for whoever does next. */
  leaveMessage?: boolean;
  /** Token of a place in the queue that was kept. */
  place?: string;
  /** A UUID; the same again opens no second session, also after a restart. */
  clientId?: string;
}

/** Something asked for that a session comes of: said on every new line until it is answered. */
interface Wish {
  frame: Open | Exclude<ClientFrame, { type: "hello" }>;
  handlers: SessionHandlers;
  from: Bookmark;
  seen: number | undefined;
  resolve(session: ChatSession): void;
  reject(error: unknown): void;
}

/**
 * A person's line to the chat gateway. It stays connected, over whatever the network lets through, goes on where it was
 * after minutes or hours, sends again what was not acknowledged, and checks that nothing is missing or altered.
 * It writes nothing to logs or storage.
 */
export class ChatClient {
  #status: Status = "closed";
  #notice: NoticeFrame | undefined;
  #connection: Connection | undefined;
  #failure: unknown;
  #started: Promise<NoticeFrame> | undefined;
  #waitingForNotice: { resolve(notice: NoticeFrame): void; reject(error: unknown): void } | undefined;
  readonly #url: string;
  readonly #token: TokenSource;
  readonly #timing: Timing;
  readonly #ladder: Ladder<Transport>;
  readonly #backoff: Backoff;
  readonly #pause = new Pause();
  readonly #stop = new AbortController();
  readonly #sessions = new Map<string, ChatSession>();
  readonly #wishes = new Set<Wish>();

  /** @throws UnsupportedError an option makes no sense, or there is no transport here. */
  constructor(private readonly options: ChatOptions) {
    const { token } = options;
    this.#url = chatUrl(options);
    this.#token = typeof token === "string" ? () => token : token;
    this.#timing = { ...TIMING, ...options.timing };
    this.#ladder = new Ladder(transportsOf(options), this.#timing.shortLived, this.#timing.climb);
    this.#backoff = new Backoff(this.#timing.firstRetry, this.#timing.mostRetry);
  }

  get status(): Status {
    return this.#status;
  }

  get transport(): TransportName {
    return this.#ladder.current().name;
  }

  /** The statement as it was shown last. */
  get notice(): NoticeFrame | undefined {
    return this.#notice;
  }

  /**
   * Connect, and stay connected until `close`. Resolves with the Privacy Act statement: show it before anything is asked.
   *
   * @throws AuthenticationError, ClosedError, IntegrityError the statement's text is not that of its digest.
   */
  connect(): Promise<NoticeFrame> {
    this.#started ??= new Promise((resolve, reject) => {
      this.#waitingForNotice = { resolve, reject };
      void this.#stay();
    });
    return this.#started;
  }

  /**
   * A customer opens a session, and thereby acknowledges the statement.
   *
   * @throws RefusedError `notice-not-acknowledged`: the statement has changed, `notice` is the new one; `outside-hours` and others.
   */
  async open(opening: Opening): Promise<ChatSession> {
    const { topic, acknowledged, leaveMessage, place, clientId } = opening;
    const frame: Open = {
      type: "open",
      client_id: (clientId ?? newId()).toLowerCase(),
      topic,
      notice_version: acknowledged.version,
      ...(leaveMessage === undefined ? {} : { leave_message: leaveMessage }),
      ...(place === undefined ? {} : { place }),
    };
    return this.#wish(frame, opening, "", clientId === undefined ? 0 : undefined);
  }

  /** An employee picks a waiting session. */
  async join(sessionId: string, handlers: SessionHandlers = {}): Promise<ChatSession> {
    return this.#wish({ type: "join", session_id: sessionId }, handlers, sessionId);
  }

  /** An employee takes the session that was offered. */
  async accept(sessionId: string, handlers: SessionHandlers = {}): Promise<ChatSession> {
    return this.#wish({ type: "accept", session_id: sessionId }, handlers, sessionId);
  }

  /**
   * Go on: after a bookmark, with what came since, or with the whole session.
   *
   * @param where of a whole session, `seen` is the number up to which its entries are history; all that there are now, if left out.
   */
  async resume(where: Bookmark | { sessionId: string; seen?: number }, handlers: SessionHandlers = {}): Promise<ChatSession> {
    const id = where.sessionId.toLowerCase();
    const from = "seq" in where ? { ...where, sessionId: id } : { sessionId: id, seq: 0, digest: EMPTY_DIGEST };
    const frame = { type: "resume", session_id: id, after_seq: from.seq } as const;
    return this.#wish(frame, handlers, from, "seen" in where ? where.seen : undefined);
  }

  /** Say a frame that belongs to no session (`available`, `away`, `decline`), if the line stands; tells whether it does. */
  tell(frame: ClientFrame): boolean {
    return this.#connection?.send(frame) ?? false;
  }

  /** End the line. Sessions go on without this client; what was not acknowledged is given up. */
  close(reason: unknown = new ClosedError("the client was closed")): void {
    this.#end(reason);
  }

  async #wish(frame: Wish["frame"], handlers: SessionHandlers, from: Bookmark | string, seen?: number): Promise<ChatSession> {
    if (this.#started === undefined) {
      throw new UnsupportedError("connect comes first");
    }
    if (this.#stop.signal.aborted) {
      throw this.#failure;
    }
    const start = typeof from === "string" ? { sessionId: from.toLowerCase(), seq: 0, digest: EMPTY_DIGEST } : from;
    return new Promise((resolve, reject) => {
      const wish = { frame, handlers, from: start, seen, resolve, reject };
      this.#wishes.add(wish);
      this.#connection?.send(frame);
    });
  }

  async #stay(): Promise<void> {
    const { signal } = this.options;
    if (signal?.aborted) {
      this.#end(signal.reason);
      return;
    }
    signal?.addEventListener("abort", () => this.#end(signal.reason), { signal: this.#stop.signal });
    onWake(() => this.#woken(), this.#stop.signal);
    try {
      await findCrypto();
      for (let renew = false; !this.#stop.signal.aborted; ) {
        renew = await this.#once(renew);
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** One line, and the pause after it. Gives whether the next one needs another token. */
  async #once(renew: boolean): Promise<boolean> {
    const transport = this.#ladder.current();
    this.#change("connecting", transport.name);
    const connection = new Connection(transport, this.#url, this.options.language ?? "en", this.#token, this.#timing, {
      ready: () => this.#ready(transport.name),
      frame: (frame) => this.#frame(frame),
      noticed: (notice) => this.#noticed(notice),
      failed: (error) => this.#guarded(() => this.options.onError?.(error)),
    });
    this.#connection = connection;
    const outcome = await connection.run(renew, this.#stop.signal);
    if (this.#stop.signal.aborted) {
      return false;
    }
    const refused = outcome.code === UNAUTHENTICATED || outcome.status === 401;
    if (refused && renew && !outcome.welcomed) {
      throw new AuthenticationError(outcome.refusal?.detail ?? "the gateway takes no token of this source", outcome.refusal);
    }
    if (!(refused && !renew) && !this.#goesOnAtOnce(outcome)) {
      await this.#wait(outcome, transport.name);
    }
    return refused;
  }

  /** Whether another transport is to be tried at once, rather than after a pause. */
  #goesOnAtOnce({ how, code = 0, status = 0, welcomed, livedMs }: Outcome): boolean {
    if (how === "lost" && welcomed) {
      this.#ladder.lost(livedMs);
      return false;
    }
    // What the gateway itself says is no fault of the transport; what something in between says may be.
    const gateway = how === "told" ? welcomed || code >= UNAUTHENTICATED || GATEWAY_ENDS.has(code) : GATEWAY_REFUSES.has(status);
    return gateway ? false : this.#ladder.failed();
  }

  async #wait(outcome: Outcome, transport: TransportName): Promise<void> {
    const asked = outcome.waitMs ?? (TOO_MUCH.has(outcome.code ?? 0) ? FLOOD_PAUSE_MS : 0);
    const retryInMs = this.#backoff.next(asked);
    this.#change("waiting", transport, retryInMs);
    await this.#pause.wait(retryInMs, this.#stop.signal);
  }

  #ready(transport: TransportName): void {
    this.#backoff.reset();
    this.#change("online", transport);
    for (const session of this.#sessions.values()) {
      const greeting = session.greeting();
      if (greeting !== undefined) {
        this.#connection?.send(greeting);
      }
    }
    for (const wish of this.#wishes) {
      this.#connection?.send(wish.frame);
    }
  }

  /** The digest that a session keeps has to lead back to what was shown. */
  async #noticed(notice: NoticeFrame): Promise<void> {
    if (!(await noticeHolds(notice))) {
      this.#end(new IntegrityError("the statement's text is not that of its digest"));
      return;
    }
    const known = this.#notice?.digest;
    this.#notice = notice;
    this.#waitingForNotice?.resolve(notice);
    if (known !== notice.digest) {
      this.#guarded(() => this.options.onNotice?.(notice));
    }
  }

  async #frame(frame: ServerFrame): Promise<void> {
    if (frame.type === "opened" || frame.type === "joined" || frame.type === "resumed") {
      this.#attached(frame);
    } else if (frame.type === "error") {
      this.#refused(frame);
    } else {
      const id = frame.type === "entry" ? frame.entry.session_id : "session_id" in frame ? frame.session_id : "";
      const session = this.#sessions.get(id);
      if (session === undefined || !(await this.#heard(session, frame))) {
        this.#guarded(() => this.options.onFrame?.(frame));
      }
    }
  }

  async #heard(session: ChatSession, frame: ServerFrame): Promise<boolean> {
    try {
      switch (frame.type) {
        case "entry":
          await session.entered(frame);
          return true;
        case "ack":
          await session.acknowledged(frame);
          return true;
        case "closed":
          session.closed(frame);
          return true;
        case "left":
          session.left();
          this.#sessions.delete(session.id);
          return true;
        case "queue":
        case "place":
          session.placed(frame);
          return true;
        case "receipt":
        case "typing":
          session.signalled(frame);
          return true;
        default:
          return false;
      }
    } catch (error) {
      this.#failed(session, error);
      return true;
    }
  }

  #attached(frame: Opened): void {
    const wish = [...this.#wishes].find(({ frame: said }) =>
      said.type === "open" ? said.client_id === frame.client_id : "session_id" in said && said.session_id === frame.session_id,
    );
    let session = this.#sessions.get(frame.session_id);
    if (session === undefined && wish !== undefined) {
      const from = { ...wish.from, sessionId: frame.session_id };
      session = new ChatSession(this.#speaker, wish.handlers, from, wish.seen);
      this.#sessions.set(session.id, session);
    }
    if (session === undefined) {
      this.#guarded(() => this.options.onFrame?.(frame));
      return;
    }
    try {
      session.attached(frame);
    } catch (error) {
      this.#failed(session, error);
    }
    if (wish !== undefined) {
      this.#wishes.delete(wish);
      wish.resolve(session);
    }
  }

  #refused(frame: ErrorFrame): void {
    const wish = [...this.#wishes].find(({ frame: said }) =>
      said.type === "open" ? said.client_id === frame.client_id : "session_id" in said && said.session_id === frame.session_id,
    );
    const session = this.#sessions.get(frame.session_id ?? "");
    if (wish !== undefined && frame.retryable) {
      this.#speaker.later(() => this.#wishes.has(wish) && this.#connection?.send(wish.frame));
    } else if (wish !== undefined) {
      this.#wishes.delete(wish);
      wish.reject(new RefusedError(frame));
    } else if (session !== undefined) {
      session.refused(frame);
    } else {
      this.#guarded(() => this.options.onError?.(new RefusedError(frame)));
    }
  }

  /** A session that cannot go on does not keep others from it. */
  #failed(session: ChatSession, error: unknown): void {
    if (!(error instanceof ChatError)) {
      throw error;
    }
    session.fail(error);
  }

  readonly #speaker: Speaker = {
    say: (frame) => this.#connection?.send(frame) ?? false,
    again: () => this.#connection?.drop(),
    later: (work) => {
      void this.#laterPause().then(work);
    },
    roles: () => this.#connection?.welcome?.roles ?? [],
    mostBytes: () => this.#connection?.welcome?.max_text_bytes ?? MOST_BYTES,
    tell: (call) => this.#guarded(call),
  };

  async #laterPause(): Promise<void> {
    await new Pause().wait(this.#backoff.next(), this.#stop.signal);
  }

  #woken(): void {
    this.#pause.wake();
    this.#connection?.probe();
  }

  #change(status: Status, transport: TransportName, retryInMs?: number): void {
    this.#status = status;
    const change = retryInMs === undefined ? { status, transport } : { status, transport, retryInMs };
    this.#guarded(() => this.options.onStatus?.(change));
  }

  /** What a handler throws must not stop the conversation: the platform reports it like any error that nobody caught. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #end(reason: unknown): void {
    if (this.#stop.signal.aborted) {
      return;
    }
    this.#failure = reason;
    this.#stop.abort();
    const error = reason instanceof ChatError ? reason : new ClosedError("the client was closed");
    this.#waitingForNotice?.reject(reason);
    this.#wishes.forEach((wish) => wish.reject(reason));
    this.#wishes.clear();
    this.#sessions.forEach((session) => session.end(error));
    this.#sessions.clear();
    this.#change("closed", this.transport);
    if (!(error instanceof ClosedError)) {
      this.#guarded(() => this.options.onError?.(error));
    }
  }
}
