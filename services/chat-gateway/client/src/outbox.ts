import { IntegrityError, RefusedError, type ChatError } from "./errors.js";
import type { ClientFrame, ErrorFrame, Send } from "./protocol.js";

/** A message is durable: its number, when it was stored, and the digest over everything up to it. */
export interface Receipt {
  clientId: string;
  seq: number;
  at: string;
  digest: string;
}

interface Pending {
  readonly frame: Send;
  sent: boolean;
  /** Nobody waits for it any more. */
  abandoned: boolean;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

/** What was said in a session and is not acknowledged yet, in its order. */
export class Outbox {
  readonly #pending = new Map<string, Pending>();
  #open = false;
  /** After a refusal one goes at a time, until one is stored: none overtakes another while the gateway is in trouble. */
  #careful = false;

  /**
   * @param say tells whether the line stands.
   * @param retry calls `flush` after a while.
   */
  constructor(
    private readonly sessionId: string,
    private readonly say: (frame: ClientFrame) => boolean,
    private readonly retry: () => void,
  ) {}

  pending(): { clientId: string; text: string }[] {
    return [...this.#pending.values()].filter((one) => !one.abandoned).map(({ frame }) => ({ clientId: frame.client_id, text: frame.text }));
  }

  textOf(clientId: string): string | undefined {
    return this.#pending.get(clientId)?.frame.text;
  }

  add(frame: Send, signal: AbortSignal | undefined): Promise<Receipt> {
    const before = this.#pending.get(frame.client_id);
    if (before !== undefined && !before.abandoned) {
      const refusal = { type: "error", code: "client-id-reused", status: 409, detail: "this clientId is on its way" } as const;
      return Promise.reject(new RefusedError(refusal));
    }
    return new Promise((resolve, reject) => {
      const pending: Pending = { frame, sent: false, abandoned: false, resolve, reject };
      this.#pending.set(frame.client_id, pending);
      signal?.addEventListener("abort", () => this.#abandon(pending, signal.reason), { once: true });
      this.#send();
    });
  }

  /** The gateway takes messages from now on: what is left goes out. */
  flush(): void {
    this.#open = true;
    this.#send();
  }

  /** The line is lost: nobody knows which of them arrived. */
  lost(): void {
    this.#open = false;
    for (const pending of this.#pending.values()) {
      pending.sent = false;
      if (pending.abandoned) {
        this.#pending.delete(pending.frame.client_id);
      }
    }
  }

  /**
   * It is stored.
   *
   * @throws IntegrityError as something else than what was said.
   */
  stored(clientId: string, told: { seq: number; at: string; digest: string }, text?: string): void {
    const pending = this.#pending.get(clientId);
    if (pending === undefined) {
      return;
    }
    if (text !== undefined && text !== pending.frame.text) {
      throw new IntegrityError(`entry ${told.seq} is stored as something else than what was said`, this.sessionId, told.seq);
    }
    this.#pending.delete(clientId);
    this.#careful = false;
    this.#send();
    pending.resolve({ clientId, seq: told.seq, at: told.at, digest: told.digest });
  }

  /** Tells whether the refusal was of one of these. */
  refused(frame: ErrorFrame): boolean {
    const pending = this.#pending.get(frame.client_id ?? "");
    if (pending === undefined) {
      return false;
    }
    if (!frame.retryable) {
      this.#pending.delete(pending.frame.client_id);
      pending.reject(new RefusedError(frame));
      this.#send();
      return true;
    }
    pending.sent = false;
    this.#careful = true;
    if (this.#open) {
      this.#open = false; // what is said meanwhile waits too
      this.retry();
    }
    return true;
  }

  end(error: ChatError): void {
    this.#open = false;
    for (const pending of this.#pending.values()) {
      pending.reject(error);
    }
    this.#pending.clear();
  }

  #send(): void {
    for (const pending of this.#open ? this.#pending.values() : []) {
      if (!pending.sent) {
        pending.sent = this.say(pending.frame);
      }
      if (this.#careful) {
        return;
      }
    }
  }

  #abandon(pending: Pending, reason: unknown): void {
    pending.reject(reason);
    // What went out is still needed: its acknowledgement does not repeat the text.
    pending.abandoned = true;
    if (!pending.sent) {
      this.#pending.delete(pending.frame.client_id);
    }
  }
}
