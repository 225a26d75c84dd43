import type { ClientFrame, ErrorFrame, Open, Opened, ServerFrame } from "../protocol.js";
import type { Address, Credentials, Ears, Ending, Line, Transport, TransportName } from "./transport.js";

const TOO_MANY = 429;
const UNAUTHENTICATED = 401;
const UNAVAILABLE = 503;
const DESK = "desk";

/** One way to hear over HTTP: one request, after which the next one begins. */
export type Hear = (asking: Asking) => Promise<void>;

/** What a way to hear is given. */
export interface Asking {
  /** What to hear, as the gateway reads it: `hear=…&hear=…`. */
  readonly query: string;
  readonly signal: AbortSignal;
  /** Within this time something has to come. */
  readonly deadlineMs: number;
  /** Somebody wants to know at once whether the gateway is there. */
  readonly urgent: boolean;
  get(path: string): Promise<Response>;
  take(frames: ServerFrame[]): void;
}

/** Ends the line; how is told. */
export class LineEnd extends Error {
  constructor(readonly ending: Ending) {
    super(ending.how);
  }
}

/** The gateway refuses a request. */
class Refusal extends Error {
  constructor(
    readonly frame: ErrorFrame,
    readonly waitMs: number,
  ) {
    super(frame.code);
  }
}

/** Hears by requests, and speaks by posts, one after the other. */
export class HttpTransport implements Transport {
  constructor(
    readonly name: TransportName,
    private readonly fetch: typeof globalThis.fetch,
    private readonly hearing: () => Hear,
  ) {}

  open(address: Address, ears: Ears): Line {
    return new HttpLine(this.fetch, this.hearing(), address, ears);
  }
}

class HttpLine implements Line {
  readonly #base: string;
  readonly #stop = new AbortController();
  /** Session → number of the last entry that came. */
  readonly #cursors = new Map<string, number>();
  #desk = false;
  #urgent = false;
  #greeted = false;
  #notice = { version: "", digest: "" };
  #hearing = new AbortController();
  #wake: (() => void) | undefined;
  #speaking: Promise<void> = Promise.resolve();

  constructor(
    private readonly fetch: typeof globalThis.fetch,
    private readonly hear: Hear,
    private readonly address: Address,
    private readonly ears: Ears,
  ) {
    this.#base = address.url.replace(/\/chat$/, "");
    void this.#run();
  }

  send(frame: ClientFrame): void {
    if (frame.type === "resume") {
      this.#cursors.set(frame.session_id, frame.after_seq);
      this.#hearAnew();
    } else if (frame.type === "ping") {
      this.#urgent = true;
      this.#hearAnew();
    } else if (frame.type !== "hello" && frame.type !== "typing") {
      // One at a time: what is said arrives in its order. That somebody types is no request.
      this.#speaking = this.#speaking.then(() => this.#say(frame)).catch((error) => this.#failed(error));
    }
  }

  renew(_credentials: Credentials): void {
    this.#hearAnew(); // each request asks for the token of its own
  }

  close(): void {
    this.#end({ how: "lost" });
  }

  async #run(): Promise<void> {
    try {
      await this.#greet();
      while (!this.#stop.signal.aborted) {
        await this.#listen();
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The statement is public: this shows that the gateway can be reached. The token is asked for when something is said or heard. */
  async #greet(): Promise<void> {
    const language = encodeURIComponent(this.address.language);
    const answer = await this.#fetch("GET", `/notice?language=${language}`, {});
    const notice = (await answer.json()) as ServerFrame & { version: string; digest: string };
    this.#greeted = true;
    this.#notice = notice;
    this.ears.heard([{ type: "welcome", roles: [], expires_at: "" }, { ...notice, type: "notice" } as ServerFrame]);
  }

  async #listen(): Promise<void> {
    this.#hearing = new AbortController();
    const { signal } = this.#hearing;
    const urgent = this.#urgent;
    this.#urgent = false;
    if (this.#cursors.size === 0 && !this.#desk) {
      if (urgent) {
        await this.#greet();
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      return;
    }
    const wanted = [...(this.#desk ? [DESK] : []), ...[...this.#cursors].map(([id, seq]) => `${id}:${seq}`)];
    const query = wanted.map((one) => `hear=${encodeURIComponent(one)}`).join("&");
    const asking: Asking = {
      query,
      signal,
      urgent,
      deadlineMs: this.address.deadlineMs,
      get: (path) => this.#authorised("GET", path, { signal }),
      take: (frames) => !signal.aborted && this.#take(frames),
    };
    try {
      await this.hear(asking);
    } catch (error) {
      if (!signal.aborted) {
        await this.#notHeard(error);
      }
    }
  }

  /** A session that cannot be heard must not keep others from being heard. */
  async #notHeard(error: unknown): Promise<void> {
    if (!(error instanceof Refusal) || error.frame.status === TOO_MANY || error.frame.status >= 500) {
      throw error;
    }
    for (const [id, seq] of [...this.#cursors]) {
      try {
        await this.#authorised("GET", `/chat/poll?wait=0&hear=${encodeURIComponent(`${id}:${seq}`)}`, {});
      } catch (found) {
        if (!(found instanceof Refusal)) {
          throw found;
        }
        this.#cursors.delete(id);
        this.ears.heard([{ ...found.frame, session_id: id }]);
      }
    }
  }

  #take(frames: ServerFrame[]): void {
    for (const frame of frames) {
      if (frame.type === "entry") {
        this.#cursors.set(frame.entry.session_id, frame.entry.seq);
      } else if (frame.type === "closed" || frame.type === "left") {
        this.#cursors.delete(frame.session_id);
      }
    }
    this.ears.heard(frames);
  }

  async #say(frame: Exclude<ClientFrame, { type: "hello" | "typing" | "resume" | "ping" }>): Promise<void> {
    if (this.#stop.signal.aborted) {
      return;
    }
    const { path, body } = this.#request(frame);
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await this.#authorised("POST", path, { headers, body: JSON.stringify(body) });
      const text = await answer.text();
      this.#answered(frame, text === "" ? undefined : (JSON.parse(text) as ServerFrame));
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      const ids = { ...("session_id" in frame && { session_id: frame.session_id }), ...("client_id" in frame && { client_id: frame.client_id }) };
      if (error.frame.code === "notice-not-acknowledged") {
        await this.#greet(); // there may be a new one
      }
      this.ears.heard([{ ...error.frame, ...ids } as ErrorFrame]);
    }
  }

  #request(frame: { type: string }): { path: string; body: object } {
    const { type, session_id: id, ...rest } = frame as { type: string; session_id?: string };
    if (type === "open") {
      const digest = (rest as Open).notice_version === this.#notice.version ? this.#notice.digest : "0".repeat(64);
      return { path: "/sessions", body: { ...rest, notice_digest: digest } };
    }
    const word = { send: "messages", receipt: "receipts" }[type] ?? type;
    return { path: id === undefined ? `/${DESK}/${word}` : `/sessions/${id}/${word}`, body: rest };
  }

  /** What was said comes as an entry, and the end of a session with it; of other answers each is a frame. */
  #answered(said: ClientFrame, answer: ServerFrame | undefined): void {
    if (said.type === "available" || said.type === "away") {
      this.#desk ||= said.type === "available";
      this.#hearAnew();
    }
    if (answer === undefined || !("type" in answer) || answer.type === "ack") {
      return;
    }
    this.ears.heard([answer]);
    if (answer.type === "opened" || answer.type === "joined") {
      this.#cursors.set((answer as Opened).session_id, 0);
      this.#hearAnew();
    }
  }

  #hearAnew(): void {
    this.#wake?.();
    this.#hearing.abort();
  }

  /** @throws Refusal also of a renewed token. */
  async #authorised(method: string, path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(method, path, init, await this.address.credentials(method, this.#plain(path)));
    } catch (error) {
      if (!(error instanceof Refusal) || error.frame.status !== UNAUTHENTICATED) {
        throw error;
      }
    }
    return this.#fetch(method, path, init, await this.address.credentials(method, this.#plain(path), true));
  }

  /** Proofs of possession are made for an address without its query. */
  #plain(path: string): string {
    return `${this.#base}${path.replace(/\?.*/, "")}`;
  }

  async #fetch(method: string, path: string, init: RequestInit, who?: Credentials): Promise<Response> {
    const headers = new Headers(init.headers);
    if (who !== undefined) {
      headers.set("Authorization", `${who.proof === undefined ? "Bearer" : "DPoP"} ${who.token}`);
    }
    if (who?.proof !== undefined) {
      headers.set("DPoP", who.proof);
    }
    const signal = init.signal ?? this.#stop.signal;
    const answer = await this.fetch(`${this.#base}${path}`, { ...init, method, headers, signal, cache: "no-store" });
    if (!answer.ok) {
      throw await refusalOf(answer);
    }
    return answer;
  }

  #failed(error: unknown): void {
    if (error instanceof LineEnd) {
      this.#end(error.ending);
    } else if (error instanceof Refusal) {
      if (error.frame.status === UNAUTHENTICATED) {
        this.ears.heard([error.frame]);
      }
      this.#end({ how: "refused", status: error.frame.status, waitMs: error.waitMs });
    } else {
      this.#end({ how: this.#greeted ? "lost" : "refused" });
    }
  }

  #end(ending: Ending): void {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort();
      this.#hearAnew();
      this.ears.ended(ending);
    }
  }
}

/** @throws LineEnd it is not the gateway that answers. */
async function refusalOf(answer: Response): Promise<Refusal> {
  const { status } = answer;
  const waitMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
  const problem = (await answer.json().catch(() => ({}))) as {
    type?: string;
    detail?: string;
    errors?: { field: string }[];
    missing?: string[];
  };
  if (typeof problem.type !== "string" || !problem.type.includes("/problems/")) {
    throw new LineEnd({ how: "refused", status, waitMs });
  }
  const field = problem.errors?.[0]?.field ?? problem.missing?.[0];
  const frame: ErrorFrame = {
    ...(problem as object),
    type: "error",
    code: problem.type.replace(/.*\//, ""),
    status,
    detail: problem.detail ?? "",
    retryable: status === TOO_MANY || status === UNAVAILABLE,
    ...(field === undefined ? {} : { field: field.replace(/^(body|query|path|header)\./, "") }),
  };
  return new Refusal(frame, waitMs);
}
