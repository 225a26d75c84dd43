import type { ErrorCode, ErrorFrame } from "./protocol.js";

/** Whatever this client reports is one of these. No text of theirs quotes what was said. */
export abstract class ChatError extends Error {
  /** Whether the same may succeed later. */
  readonly retryable: boolean = false;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The gateway refused what was asked. */
export class RefusedError extends ChatError {
  readonly code: ErrorCode | (string & {});
  readonly status: number;
  /** The field at fault, where there is one. */
  readonly field: string | undefined;
  override readonly retryable: boolean;

  constructor(readonly frame: ErrorFrame) {
    super(`${frame.code}: ${frame.detail}`);
    this.code = frame.code;
    this.status = frame.status;
    this.field = frame.field;
    this.retryable = frame.retryable ?? false;
  }
}

/**
 * The token proves nothing, even after the source of tokens was asked for a new one, or it does not reach far enough.
 * Where `frame` names `acr_values` or `max_age`, a new log-in of that kind helps (RFC 9470).
 */
export class AuthenticationError extends ChatError {
  constructor(
    message: string,
    readonly frame?: ErrorFrame,
  ) {
    super(message);
  }
}

/** What came is not 1..n unchanged: an entry is missing, was altered, or is not what its commitment or digest says. */
export class IntegrityError extends ChatError {
  constructor(
    message: string,
    readonly sessionId?: string,
    readonly seq?: number,
  ) {
    super(message);
  }
}

/** The session is over, or somebody else has it: nothing more can be said in it. */
export class SessionOverError extends ChatError {}

/** This client was closed before what was asked came about. What was sent may have been stored all the same. */
export class ClosedError extends ChatError {}

/** The platform lacks what the client needs, or an option makes no sense. */
export class UnsupportedError extends ChatError {}
