import { AuthenticationError, type ChatError } from "./errors.js";
import type { Timing, TokenSource } from "./options.js";
import type { ClientFrame, ErrorFrame, NoticeFrame, ServerFrame, Welcome } from "./protocol.js";
import type { Credentials, Ending, Line, Transport } from "./transports/transport.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LEAST_LEFT_MS = 1_000;

/** Who uses a connection. */
export interface Listener {
  /** The gateway knows who is there, and showed the statement: sessions can go on. */
  ready(): void;
  /** A frame, once what came before it was dealt with. */
  frame(frame: ServerFrame): Promise<void> | void;
  noticed(notice: NoticeFrame): Promise<void>;
  failed(error: ChatError): void;
}

/** What came of a connection. */
export interface Outcome extends Ending {
  /** Whether the gateway ever knew who was there. */
  welcomed: boolean;
  livedMs: number;
  /** The refusal of the token, if that ended it. */
  refusal?: ErrorFrame;
}

/** One line to the gateway, from its greeting to its end: order of frames, fresh tokens, and whether it still lives. */
export class Connection {
  welcome: Welcome | undefined;
  #line: Line | undefined;
  #ready = false;
  #tail: Promise<void> = Promise.resolve();
  #refusal: ErrorFrame | undefined;
  #heardAt = Date.now();
  #askedAt: number | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  readonly #ended = new AbortController();

  constructor(
    private readonly transport: Transport,
    private readonly url: string,
    private readonly language: string,
    private readonly token: TokenSource,
    private readonly timing: Timing,
    private readonly listener: Listener,
  ) {}

  get ready(): boolean {
    return this.#ready;
  }

  /**
   * Serve until it ends; what came before the end is dealt with then.
   *
   * @param renew the token of before was refused.
   */
  async run(renew: boolean, signal: AbortSignal): Promise<Outcome> {
    const began = Date.now();
    let first = renew;
    const ending = await new Promise<Ending>((resolve) => {
      this.#line = this.transport.open(
        {
          url: this.url,
          language: this.language,
          deadlineMs: this.timing.welcome,
          credentials: (method, url, again = false) => {
            const fresh = again || first;
            first = false;
            return this.#credentials(method, url, fresh);
          },
        },
        { heard: (frames) => this.#heard(frames), ended: resolve },
      );
      signal.addEventListener("abort", () => this.drop(), { signal: this.#ended.signal });
      this.#watch(began);
    });
    this.#ready = false;
    this.#ended.abort();
    clearTimeout(this.#renewal);
    await this.#tail;
    const refusal = this.#refusal === undefined ? {} : { refusal: this.#refusal };
    return { ...ending, ...refusal, welcomed: this.welcome !== undefined, livedMs: Date.now() - began };
  }

  /** Say something, if the line stands. Tells whether it does. */
  send(frame: ClientFrame): boolean {
    if (!this.#ready) {
      return false;
    }
    this.#line?.send(frame);
    return true;
  }

  /** End it; whoever runs it begins another. */
  drop(): void {
    this.#line?.close();
  }

  /** Ask the gateway for a sign of life, say after this machine slept. */
  probe(): void {
    if (this.#askedAt === undefined && this.send({ type: "ping" })) {
      this.#askedAt = Date.now();
    }
  }

  #watch(began: number): void {
    const step = Math.max(10, Math.min(this.timing.idle, this.timing.reply, this.timing.welcome) / 4);
    let looked = began;
    const timer = setInterval(() => {
      const now = Date.now();
      const slept = now - looked > 3 * step + this.timing.reply;
      looked = now;
      if (!this.#ready) {
        if (now - began > this.timing.welcome) {
          this.drop();
        }
      } else if (this.#askedAt !== undefined) {
        if (now - this.#askedAt > this.timing.reply && !slept) {
          this.drop();
        }
      } else if (slept || now - this.#heardAt > this.timing.idle) {
        this.probe();
      }
    }, step);
    this.#ended.signal.addEventListener("abort", () => clearInterval(timer));
  }

  #heard(frames: ServerFrame[]): void {
    this.#heardAt = Date.now();
    this.#askedAt = undefined;
    for (const frame of frames) {
      this.#tail = this.#tail.then(() => this.#take(frame)).catch(() => this.drop());
    }
  }

  async #take(frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case "welcome":
        this.welcome = frame;
        this.#refusal = undefined;
        this.#renewLater(frame);
        return;
      case "notice":
        await this.listener.noticed(frame);
        if (!this.#ready && this.welcome !== undefined) {
          this.#ready = true;
          this.listener.ready();
        }
        return;
      case "pong":
        return;
      case "error":
        if (frame.status === 401 || !this.#ready) {
          this.#refusal = frame;
          if (frame.retryable) {
            this.drop();
          }
          return;
        }
    }
    await this.listener.frame(frame);
  }

  /** Before the token expires a fresh one is said on the same line. Where clocks differ too much the gateway's word counts. */
  #renewLater(welcome: Welcome): void {
    clearTimeout(this.#renewal);
    const left = Date.parse(welcome.expires_at) - Date.now();
    const wait = left - Math.min(this.timing.renewal, left / 2);
    if (left > LEAST_LEFT_MS && wait < LONGEST_TIMER_MS) {
      this.#renewal = setTimeout(() => void this.#renew(), wait);
    }
  }

  async #renew(): Promise<void> {
    try {
      const fresh = await this.#credentials("GET", this.url, true);
      if (this.#ready) {
        this.#line?.renew(fresh);
      }
    } catch {
      this.listener.failed(new AuthenticationError("there was no fresh token before the old one expired"));
    }
  }

  async #credentials(method: string, url: string, renew: boolean): Promise<Credentials> {
    const given = await this.token({ method, url, renew, signal: this.#ended.signal });
    return typeof given === "string" ? { token: given } : given;
  }
}
