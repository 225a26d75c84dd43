import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { canonical, Chain, commitmentTo, covered, EMPTY_DIGEST, runningDigest, type Link } from "../src/chain.js";
import { IntegrityError, UnsupportedError } from "../src/errors.js";
import { findCrypto, newId } from "../src/hashing.js";

// Made by the platform's own code; a test over there holds the file against it.
const vectors = JSON.parse(readFileSync(new URL("../../test/vectors.json", import.meta.url), "utf-8")) as Link[];

before(findCrypto);

test("the digests and commitments are those of the platform", async () => {
  let digest = EMPTY_DIGEST;
  const chain = new Chain();
  for (const entry of vectors) {
    digest = await runningDigest(digest, covered(entry));
    assert.equal(digest, entry.digest);
    assert.equal(await chain.take(entry), true);
    if (entry.pii !== undefined) {
      assert.equal(await commitmentTo(entry.pii), entry.commitment);
    }
  }
  assert.equal(chain.seq, vectors.length);
});

test("members are sorted at every depth, whatever their order was", () => {
  assert.equal(canonical({ b: [{ z: 1, a: null }], a: "é\u2028\u0007" }), '{"a":"é\u2028\\u0007","b":[{"a":null,"z":1}]}');
});

for (const [name, spoil] of Object.entries<(entry: Link) => Link>({
  "a member": (entry) => ({ ...entry, at: "2026-03-02T12:00:01.000000Z" }) as Link,
  "a member more": (entry) => ({ ...entry, more: 1 }) as Link,
  "the text": (entry) => ({ ...entry, pii: { ...entry.pii, text: "another" } }),
  "the commitment": (entry) => ({ ...entry, commitment: "00".repeat(32) }),
  "the digest": (entry) => ({ ...entry, digest: "00".repeat(32) }),
  "the number": (entry) => ({ ...entry, seq: entry.seq + 1 }),
})) {
  test(`an entry of which ${name} was changed is not taken`, async () => {
    const chain = new Chain();
    await chain.take(vectors[0] as Link);
    await assert.rejects(chain.take(spoil(vectors[1] as Link)), IntegrityError);
    assert.equal(chain.seq, 1);
    await chain.take(vectors[1] as Link);
  });
}

test("what was withheld is not proven, its place is", async () => {
  const { pii: _pii, ...rest } = vectors[0] as Link;
  assert.equal(await new Chain().take({ ...rest, pii: {} }), false);
  assert.equal(await new Chain().take(rest), false);
});

test("a chain goes on from a bookmark, and from nothing else", async () => {
  const first = vectors[0] as Link;
  await new Chain(1, first.digest).take(vectors[1] as Link);
  for (const [seq, digest] of [[1, "x"], [-1, EMPTY_DIGEST], [1.5, first.digest], [0, first.digest]] as const) {
    assert.throws(() => new Chain(seq, digest), UnsupportedError);
  }
});

test("an id is a UUID, version 4", () => {
  const ids = new Set(Array.from({ length: 100 }, newId));
  assert.equal(ids.size, 100);
  ids.forEach((id) => assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/));
});
