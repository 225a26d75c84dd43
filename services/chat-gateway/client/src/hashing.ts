import { UnsupportedError } from "./errors.js";

let source: Crypto | undefined;

/**
 * Find Web Crypto, once; everything below needs it.
 *
 * @throws UnsupportedError there is none: the page came neither by https nor from this machine.
 */
export async function findCrypto(): Promise<void> {
  source ??= globalThis.crypto ?? (await nodeCrypto());
  if (source?.subtle === undefined) {
    throw new UnsupportedError("there is no Web Crypto here: a page has to come by https, or from this machine");
  }
}

/** The SHA-256 of texts and bytes, one after the other, in hexadecimal. */
export async function sha256(...parts: (string | Uint8Array)[]): Promise<string> {
  const encoder = new TextEncoder();
  const chunks = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return hexadecimal(new Uint8Array(await found().subtle.digest("SHA-256", all)));
}

/** A new UUID, version 4. */
export function newId(): string {
  const random = found().getRandomValues(new Uint8Array(16));
  random[6] = ((random[6] ?? 0) & 0x0f) | 0x40;
  random[8] = ((random[8] ?? 0) & 0x3f) | 0x80;
  return hexadecimal(random).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The bytes that hexadecimal digits stand for. */
export function bytes(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hexadecimal(of: Uint8Array): string {
  return Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function found(): Crypto {
  if (source === undefined) {
    throw new UnsupportedError("connect comes first");
  }
  return source;
}

/** Node 18 has Web Crypto, though not as a global. The name is no literal, so that bundlers for browsers pass over it. */
async function nodeCrypto(): Promise<Crypto | undefined> {
  const name = "node:crypto";
  try {
    return ((await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { webcrypto: Crypto }).webcrypto;
  } catch {
    return undefined;
  }
}
