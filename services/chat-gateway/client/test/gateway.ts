// A gateway that keeps one session in memory, for tests: it does what the protocol says, and what a test tells it to do wrong.
import { canonical, commitmentTo, covered, EMPTY_DIGEST, runningDigest } from "../src/chain.js";
import { findCrypto, sha256 } from "../src/hashing.js";
import type { ClientFrame, ErrorFrame, MessagePosted, NoticeFrame, Send, ServerFrame } from "../src/protocol.js";
import type { WebSocketLike } from "../src/transports/websocket.js";

export const SESSION = "01990000-0000-7000-8000-000000000001";
const CUSTOMER = "01990000-0000-7000-8000-00000000000c";
const AGENT = "01990000-0000-7000-8000-00000000000a";
const SALT = "00112233445566778899aabbccddeeff";

type Refusal = Pick<ErrorFrame, "code" | "status" | "retryable">;

export class FakeGateway {
  readonly entries: MessagePosted[] = [];
  readonly said: ClientFrame[] = [];
  readonly sockets: FakeSocket[] = [];
  notice: NoticeFrame | undefined;
  role: MessagePosted["role"] = "customer";
  roles: string[] = ["customer"];
  expiresInMs = 3_600_000;
  /** Answers of handshakes to come: false stands for none. */
  handshakes: boolean[] = [];
  /** Refusals of messages to come. */
  refusals: Refusal[] = [];
  /** How many messages to come are stored without an acknowledgement, the line breaking off. */
  unacknowledged = 0;
  /** What becomes of a text that is stored. */
  alterStored: (text: string) => string = (text) => text;
  refusesTokens = false;
  /** It takes what it is told, and does and answers nothing. */
  mute = false;
  alter: (frame: ServerFrame) => ServerFrame = (frame) => frame;
  #work: Promise<void> = Promise.resolve();

  get Socket(): new (url: string) => WebSocketLike {
    const gateway = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(gateway, url);
      }
    };
  }

  get digest(): string {
    return this.entries.at(-1)?.digest ?? EMPTY_DIGEST;
  }

  texts(): string[] {
    return this.entries.map((entry) => entry.pii.text);
  }

  /** The agent says something. */
  async answer(text: string): Promise<MessagePosted> {
    const entry = await this.store(text);
    this.tell({ type: "entry", kind: "message", entry });
    return entry;
  }

  /** The agent says something, and nobody is told yet. */
  async store(text: string, more: object = {}): Promise<MessagePosted> {
    return this.#store(crypto.randomUUID(), AGENT, "agent", text, more);
  }

  tell(...frames: ServerFrame[]): void {
    this.sockets.at(-1)?.tell(...frames);
  }

  drop(code = 1006): void {
    this.sockets.at(-1)?.end(code);
  }

  heard(socket: FakeSocket, frame: ClientFrame): void {
    this.said.push(frame);
    if (!this.mute) {
      this.#work = this.#work.then(() => this.#take(socket, frame));
    }
  }

  async #take(socket: FakeSocket, frame: ClientFrame): Promise<void> {
    await findCrypto();
    switch (frame.type) {
      case "hello":
        if (this.refusesTokens) {
          socket.tell({ type: "error", code: "unauthenticated", status: 401, detail: "the token proves nothing" });
          socket.end(4001);
          return;
        }
        socket.tell(
          { type: "welcome", roles: this.roles, expires_at: new Date(Date.now() + this.expiresInMs).toISOString() },
          (this.notice ??= await statement()),
        );
        return;
      case "open":
        if (this.entries.length === 0) {
          await this.#store(frame.client_id, CUSTOMER, this.role, "opened");
        }
        socket.tell(this.#attached("opened", frame.client_id), ...this.#after(0));
        return;
      case "resume":
        socket.tell(this.#attached("resumed"), ...this.#after(frame.after_seq));
        return;
      case "send":
        return this.#post(socket, frame);
      case "close":
        socket.tell({ type: "closed", session_id: SESSION, seq: this.entries.length, digest: this.digest, reason: "customer_left" });
        return;
      case "ping":
        socket.tell({ type: "pong" });
        return;
    }
  }

  async #post(socket: FakeSocket, frame: Send): Promise<void> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      socket.tell({ type: "error", detail: "no", session_id: SESSION, client_id: frame.client_id, ...refusal });
      return;
    }
    const known = this.entries.find((entry) => entry.entry_id === frame.client_id);
    const entry = known ?? (await this.#store(frame.client_id, CUSTOMER, this.role, this.alterStored(frame.text)));
    if (this.unacknowledged > 0) {
      this.unacknowledged -= 1;
      socket.end(1006);
      return;
    }
    const { seq, digest, at } = entry;
    socket.tell({ type: "ack", session_id: SESSION, client_id: frame.client_id, seq, digest, at, salt: SALT });
  }

  #attached(type: "opened" | "resumed", clientId?: string): ServerFrame {
    const said = clientId === undefined ? {} : { client_id: clientId };
    const stands = { session_id: SESSION, participant_id: CUSTOMER, last_seq: this.entries.length, digest: this.digest };
    return { type, ...stands, ...said } as ServerFrame;
  }

  #after(seq: number): ServerFrame[] {
    return this.entries.slice(seq).map((entry) => ({ type: "entry", kind: "message", entry }));
  }

  async #store(id: string, participant: string, role: MessagePosted["role"], text: string, more: object = {}): Promise<MessagePosted> {
    const pii = { text, salt: SALT };
    const seq = this.entries.length + 1;
    const at = "2026-03-02T12:00:00.000000Z";
    const head = { session_id: SESSION, seq, entry_id: id, participant_id: participant, role, at, ...more };
    const entry: MessagePosted = { ...head, digest: "", commitment: await commitmentTo(pii), pii };
    entry.digest = await runningDigest(this.digest, covered(entry));
    this.entries.push(entry);
    return entry;
  }
}

export class FakeSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  #over = false;

  constructor(
    private readonly gateway: FakeGateway,
    readonly url: string,
  ) {
    gateway.sockets.push(this);
    const lets = gateway.handshakes.shift() ?? true;
    setTimeout(() => (lets ? this.onopen?.({} as never) : this.end(1006)));
  }

  send(text: string): void {
    if (!this.#over) {
      this.gateway.heard(this, JSON.parse(text) as ClientFrame);
    }
  }

  close(): void {
    this.end(1006);
  }

  tell(...frames: ServerFrame[]): void {
    const altered = frames.map((frame) => this.gateway.alter(JSON.parse(JSON.stringify(frame)) as ServerFrame));
    if (!this.#over) {
      this.onmessage?.({ data: JSON.stringify(altered.length === 1 ? altered[0] : altered) } as never);
    }
  }

  end(code: number): void {
    if (!this.#over) {
      this.#over = true;
      setTimeout(() => this.onclose?.({ code } as never));
    }
  }
}

async function statement(): Promise<NoticeFrame> {
  const shown = { version: "2026.1", language: "en", title: "Statement", sections: [{ id: "authority", heading: "A", text: ["b"] }] };
  const digest = await sha256(canonical(shown));
  return { type: "notice", ...shown, digest, effective_from: "2026-01-01", languages: ["en"] };
}
