import { Chain, commitmentTo } from "./chain.js";
import { IntegrityError, RefusedError, SessionOverError, type ChatError } from "./errors.js";
import { newId } from "./hashing.js";
import { Outbox, type Receipt } from "./outbox.js";
import type { Ack, ClientFrame, Closed, EntryFrame, ErrorFrame, MessagePosted, Opened, PlaceFrame, QueueFrame, ReceiptFrame, Send, TypingFrame } from "./protocol.js";

export type Role = MessagePosted["role"];

const ROLES = ["customer", "agent", "supervisor"] as const;

/** An entry as it is handed on, checked. */
export type ChatEntry = EntryFrame & {
  /** It was there before this client took part: history, which a screen reader need not announce. */
  replayed: boolean;
  /** The reader's own. */
  own: boolean;
  /** Whether what it says of a person is proven too; not where parts of that were withheld. Its place always is. */
  proven: boolean;
};

/** How far a session is held: enough to go on from after minutes or hours, and nothing of what was said. */
export interface Bookmark {
  sessionId: string;
  seq: number;
  digest: string;
  role?: Role;
}

export interface SessionHandlers {
  /** The next entry, in its order, each number once. */
  onEntry?(entry: ChatEntry): void;
  /** How the session stands (status, who takes part, how far each has read): at first, and whenever a line stands again. */
  onState?(state: Opened): void;
  /** Where a waiting customer stands. */
  onQueue?(place: QueueFrame): void;
  /** Somebody received or read further. */
  onReceipt?(receipt: ReceiptFrame): void;
  /** Somebody else types, or stopped; it counts for eight seconds. Not told over `longpoll`. */
  onTyping?(typing: TypingFrame): void;
  /** The session is over; all entries are here. */
  onClosed?(closed: Closed): void;
  /** Somebody else has it now, or it waits again. */
  onLeft?(): void;
  /** Something was refused, or the session failed for good: what came was not 1..n unchanged, or it cannot be resumed. */
  onError?(error: ChatError): void;
}

export interface SendOptions {
  clientId?: string;
  signal?: AbortSignal;
  seenSeq?: number;
  reason?: NonNullable<Send["reason"]>;
}

/** @internal What a session needs of its client. */
export interface Speaker {
  say(frame: ClientFrame): boolean;
  /** Begin a new line: what is not known of this one comes again. */
  again(): void;
  later(work: () => void): void;
  roles(): readonly string[];
  mostBytes(): number;
  /** Call a handler; what it throws is its own affair. */
  tell(call: () => void): void;
}

interface Waiting<T> {
  resolve(told: T): void;
  reject(error: unknown): void;
}

/** A conversation, as one of those who take part in it. */
export class ChatSession {
  readonly id: string;
  readonly #chain: Chain;
  readonly #outbox: Outbox;
  #participant = "";
  #role: Role | undefined;
  #state: "attaching" | "live" | "over" = "attaching";
  #history: number | undefined;
  #shown = 0;
  #catchUp = 0;
  #promised = "";
  #closing: Waiting<Closed>[] = [];
  #keeping: Waiting<PlaceFrame>[] = [];

  /** @internal */
  constructor(
    private readonly speaker: Speaker,
    private readonly handlers: SessionHandlers,
    from: Bookmark,
    seen?: number,
  ) {
    this.id = from.sessionId;
    this.#chain = new Chain(from.seq, from.digest);
    this.#role = from.role;
    this.#history = from.seq > 0 ? from.seq : seen;
    this.#outbox = new Outbox(this.id, (frame) => speaker.say(frame), () => this.#later(() => this.#outbox.flush()));
  }

  /** Keep this, and `resume` goes on from here. */
  get bookmark(): Bookmark {
    const held = { sessionId: this.id, seq: this.#chain.seq, digest: this.#chain.digest };
    return this.#role === undefined ? held : { ...held, role: this.#role };
  }

  /** The reader's own id in this session. */
  get participantId(): string {
    return this.#participant;
  }

  /** What was said and not acknowledged yet, in its order. */
  get pending(): readonly { clientId: string; text: string }[] {
    return this.#outbox.pending();
  }

  /**
   * Say something. Resolves once it is durable, however often the line is lost before that.
   *
   * @param options.clientId a UUID; the same again is the same message, also after a restart.
   * @param options.signal no longer wait; what went out may be stored all the same.
   * @param options.seenSeq the last entry that was on the screen: refused (`unseen-message`) when somebody else spoke since.
   * @param options.reason coded: why an employee says what the check of drafts warns of.
   * @throws RefusedError the gateway does not take it. SessionOverError, IntegrityError, ClosedError: it cannot be said any more.
   */
  async send(text: string, options: SendOptions = {}): Promise<Receipt> {
    options.signal?.throwIfAborted();
    this.#mustStand();
    if (new TextEncoder().encode(text).length > this.speaker.mostBytes()) {
      const detail = `text may have ${this.speaker.mostBytes()} bytes (UTF-8) at most`;
      throw new RefusedError({ type: "error", code: "text-too-long", status: 413, detail, field: "text" });
    }
    const clientId = (options.clientId ?? newId()).toLowerCase();
    const { seenSeq, reason } = options;
    return this.#outbox.add(
      {
        type: "send",
        session_id: this.id,
        client_id: clientId,
        text,
        ...(seenSeq === undefined ? {} : { seen_seq: seenSeq }),
        ...(reason === undefined ? {} : { reason }),
      },
      options.signal,
    );
  }

  /** End the session for everybody. Resolves with the number of all entries and the digest over them. */
  async close(): Promise<Closed> {
    this.#mustStand();
    return new Promise((resolve, reject) => {
      this.#closing.push({ resolve, reject });
      this.#askToClose();
    });
  }

  /** A waiting customer leaves and keeps the place in the queue: `open` with its token stands there again. */
  async leave(): Promise<PlaceFrame> {
    this.#mustStand();
    return new Promise((resolve, reject) => {
      this.#keeping.push({ resolve, reject });
      this.#tellIfLive({ type: "leave", session_id: this.id });
    });
  }

  /** A customer who was warned of the silence asks for more time. */
  extend(): void {
    this.#tellIfLive({ type: "extend", session_id: this.id });
  }

  /** Everything up to this entry was shown to a person who could read it. It is kept, and said again on a new line. */
  read(upTo: number): void {
    if (upTo > this.#shown) {
      this.#shown = upTo;
      this.#sayRead();
    }
  }

  /** The reader types, or stopped: say so every few seconds while it goes on. Nothing of what is typed goes with it. */
  typing(on: boolean): void {
    this.#tellIfLive({ type: "typing", session_id: this.id, on });
  }

  /** Say another frame about this session, if the line stands; tells whether it does. It is not said again by itself. */
  tell(frame: Extract<ClientFrame, { session_id: string }>): boolean {
    return this.#tellIfLive({ ...frame, session_id: this.id });
  }

  /** @internal What goes out when a new line stands; nothing if it is over. */
  greeting(): ClientFrame | undefined {
    if (this.#state === "over") {
      return undefined;
    }
    this.#state = "attaching";
    this.#outbox.lost();
    return { type: "resume", session_id: this.id, after_seq: this.#chain.seq };
  }

  /** @internal */
  attached(frame: Opened): void {
    const first = this.#state === "attaching";
    this.#state = "live";
    this.#participant = frame.participant_id;
    this.#history ??= frame.last_seq;
    this.#catchUp = frame.last_seq;
    this.#promised = frame.digest;
    if (frame.last_seq < this.#chain.seq) {
      throw new IntegrityError("the gateway holds less than was here already", this.id, frame.last_seq);
    }
    this.speaker.tell(() => this.handlers.onState?.(frame));
    this.#caughtUp();
    if (first) {
      this.#askToClose();
      this.#sayRead();
    }
  }

  /** @internal */
  async entered(frame: EntryFrame): Promise<void> {
    const { entry } = frame;
    if (entry.seq <= this.#chain.seq || this.#state === "over") {
      return;
    }
    const proven = await this.#chain.take(entry);
    const own = entry.participant_id === this.#participant;
    if (own) {
      this.#role = entry.role;
    }
    if (own && frame.kind === "message") {
      this.#outbox.stored(entry.entry_id, entry, frame.entry.pii.text);
    }
    this.#handOn({ ...frame, own, proven, replayed: entry.seq <= (this.#history ?? 0) });
  }

  /** @internal An acknowledgement: it completes what the sender knows of the entry. */
  async acknowledged(ack: Ack): Promise<void> {
    const text = this.#outbox.textOf(ack.client_id);
    if (ack.seq <= this.#chain.seq) {
      this.#outbox.stored(ack.client_id, ack);
      return;
    }
    if (text === undefined) {
      this.speaker.again(); // said by a client before this one: resuming brings it as an entry
      return;
    }
    const pii = { text, salt: ack.salt };
    const entry = await this.#inOwnRole({
      session_id: this.id,
      seq: ack.seq,
      entry_id: ack.client_id,
      participant_id: this.#participant,
      at: ack.at,
      digest: ack.digest,
      commitment: await commitmentTo(pii),
      pii,
    });
    const proven = await this.#chain.take(entry);
    this.#role = entry.role;
    this.#outbox.stored(ack.client_id, ack);
    this.#handOn({ type: "entry", kind: "message", entry, own: true, proven, replayed: false });
  }

  /** @internal */
  closed(frame: Closed): void {
    if (this.#state === "over") {
      return;
    }
    if (frame.seq !== this.#chain.seq || frame.digest !== this.#chain.digest) {
      throw new IntegrityError("what the gateway closed is not what is held here", this.id, frame.seq);
    }
    this.#over(new SessionOverError("the session was closed"), (waiting) => waiting.resolve(frame));
    this.speaker.tell(() => this.handlers.onClosed?.(frame));
  }

  /** @internal */
  left(): void {
    this.#over(new SessionOverError("somebody else has the session now, or it waits again"));
    this.speaker.tell(() => this.handlers.onLeft?.());
  }

  /** @internal */
  placed(frame: QueueFrame | PlaceFrame): void {
    if (frame.type === "queue") {
      this.speaker.tell(() => this.handlers.onQueue?.(frame));
    } else {
      this.#keeping.splice(0).forEach((waiting) => waiting.resolve(frame));
    }
  }

  /** @internal */
  signalled(frame: ReceiptFrame | TypingFrame): void {
    if (frame.type === "receipt") {
      this.speaker.tell(() => this.handlers.onReceipt?.(frame));
    } else {
      this.speaker.tell(() => this.handlers.onTyping?.(frame));
    }
  }

  /** @internal */
  refused(frame: ErrorFrame): void {
    if (frame.client_id !== undefined && this.#outbox.refused(frame)) {
      return;
    }
    const error = new RefusedError(frame);
    if (this.#state === "attaching") {
      if (frame.retryable) {
        this.speaker.again();
      } else if (frame.code === "cursor-ahead") {
        this.fail(new IntegrityError("the gateway holds less than was here already", this.id));
      } else {
        this.fail(error);
      }
      return;
    }
    if (frame.retryable && this.#closing.length > 0) {
      this.#later(() => this.#askToClose());
      return;
    }
    [...this.#closing.splice(0), ...this.#keeping.splice(0)].forEach((waiting) => waiting.reject(error));
    this.speaker.tell(() => this.handlers.onError?.(error));
  }

  /** @internal The client was closed. */
  end(error: ChatError): void {
    if (this.#state !== "over") {
      this.#over(error);
    }
  }

  /** @internal It ends here, for this reader. */
  fail(error: ChatError): void {
    if (this.#state !== "over") {
      this.#over(error);
      this.speaker.tell(() => this.handlers.onError?.(error));
    }
  }

  #handOn(entry: ChatEntry): void {
    this.speaker.tell(() => this.handlers.onEntry?.(entry));
    this.#caughtUp();
  }

  #caughtUp(): void {
    if (this.#chain.seq === this.#catchUp && this.#chain.digest !== this.#promised) {
      throw new IntegrityError("the digest is not the one that the gateway promised", this.id, this.#chain.seq);
    }
    if (this.#chain.seq >= this.#catchUp) {
      this.#outbox.flush();
    }
  }

  /** A token may have several roles: the digest tells in which of them the own entry was made. */
  async #inOwnRole(entry: Omit<MessagePosted, "role">): Promise<MessagePosted> {
    const named = this.speaker.roles();
    const possible = ROLES.filter((role) => named.includes(role));
    const first = { ...entry, role: this.#role ?? possible[0] ?? "customer" };
    for (const role of new Set([first.role, ...possible])) {
      const tried = { ...entry, role };
      if (await this.#chain.fits(tried)) {
        return tried;
      }
    }
    return first;
  }

  #askToClose(): void {
    if (this.#closing.length > 0) {
      this.#tellIfLive({ type: "close", session_id: this.id });
    }
  }

  #sayRead(): void {
    if (this.#shown > 0) {
      this.#tellIfLive({ type: "receipt", session_id: this.id, kind: "read", up_to: this.#shown });
    }
  }

  #later(work: () => void): void {
    this.speaker.later(() => {
      if (this.#state === "live") {
        work();
      }
    });
  }

  #tellIfLive(frame: ClientFrame): boolean {
    return this.#state === "live" && this.speaker.say(frame);
  }

  #mustStand(): void {
    if (this.#state === "over") {
      throw new SessionOverError("the session is over");
    }
  }

  #over(error: ChatError, settle?: (waiting: Waiting<Closed>) => void): void {
    this.#state = "over";
    this.#outbox.end(error);
    this.#closing.splice(0).forEach(settle ?? ((waiting) => waiting.reject(error)));
    this.#keeping.splice(0).forEach((waiting) => waiting.reject(error));
  }
}
