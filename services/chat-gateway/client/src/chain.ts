// The running digest over a session's entries, as PROTOCOL.md describes it: what proves that a reader holds 1..n unchanged.
import { IntegrityError, UnsupportedError } from "./errors.js";
import { bytes, sha256 } from "./hashing.js";
import type { NoticeFrame } from "./protocol.js";

/** The digest before the first entry. */
export const EMPTY_DIGEST = "0".repeat(64);

/** What the chain looks at in an entry; whatever else stands in it is covered too. */
export interface Link {
  session_id: string;
  seq: number;
  digest: string;
  commitment?: string;
  pii?: { salt?: string };
}

/** JSON with members sorted by name, without white space. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, of]) => `${JSON.stringify(name)}:${canonical(of)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** The text of an entry that the running digest covers: all of it but `digest` and `pii`. */
export function covered(entry: Link): string {
  const { digest: _digest, pii: _pii, ...rest } = entry;
  return canonical(rest);
}

/** The digest over all entries up to this one, given the digest before it. */
export async function runningDigest(previous: string, coveredEntry: string): Promise<string> {
  return sha256(bytes(previous), coveredEntry);
}

/** What an entry says of its `pii` without saying it. */
export async function commitmentTo(pii: object): Promise<string> {
  return sha256(canonical(pii));
}

/** Whether a statement's digest is that of its text: the digest that a session keeps leads back to what was shown. */
export async function noticeHolds(notice: NoticeFrame): Promise<boolean> {
  const { version, language, title, sections } = notice;
  return (await sha256(canonical({ version, language, title, sections }))) === notice.digest;
}

/** How far a reader holds a session. */
export class Chain {
  #seq: number;
  #digest: string;

  constructor(seq = 0, digest = EMPTY_DIGEST) {
    if (!Number.isInteger(seq) || seq < 0 || !/^[0-9a-f]{64}$/.test(digest) || (seq === 0 && digest !== EMPTY_DIGEST)) {
      throw new UnsupportedError("a bookmark has the number of the last entry held, and the digest up to it");
    }
    this.#seq = seq;
    this.#digest = digest;
  }

  get seq(): number {
    return this.#seq;
  }

  get digest(): string {
    return this.#digest;
  }

  /** Whether this is the digest over everything up to the next entry. */
  async fits(entry: Link): Promise<boolean> {
    return (await runningDigest(this.#digest, covered(entry))) === entry.digest;
  }

  /**
   * Take in the next entry.
   *
   * @returns whether what it says of a person is proven too. Without its salt, withheld from some readers, that cannot be.
   * @throws IntegrityError it is not the next one, or not what its digest or commitment says.
   */
  async take(entry: Link): Promise<boolean> {
    const { session_id: session, seq, pii } = entry;
    if (seq !== this.#seq + 1) {
      throw new IntegrityError(`entry ${seq} came after ${this.#seq}`, session, seq);
    }
    if (!(await this.fits(entry))) {
      throw new IntegrityError(`the digest of entry ${seq} does not hold`, session, seq);
    }
    const salted = pii?.salt !== undefined;
    if (salted && (await commitmentTo(pii)) !== entry.commitment) {
      throw new IntegrityError(`entry ${seq} says something else than it is committed to`, session, seq);
    }
    this.#seq = seq;
    this.#digest = entry.digest;
    return salted || (pii === undefined && entry.commitment === undefined);
  }
}
