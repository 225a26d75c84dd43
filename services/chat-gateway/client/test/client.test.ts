import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { ChatClient } from "../src/client.js";
import { AuthenticationError, ClosedError, IntegrityError, RefusedError, UnsupportedError } from "../src/errors.js";
import { findCrypto } from "../src/hashing.js";
import type { ChatOptions } from "../src/options.js";
import type { ServerFrame } from "../src/protocol.js";
import type { ChatEntry, ChatSession } from "../src/session.js";
import { FakeGateway, SESSION } from "./gateway.js";

const FAST = { firstRetry: 1, mostRetry: 5, welcome: 200, idle: 60_000, reply: 200, shortLived: 0 };

const clients: ChatClient[] = [];

before(findCrypto);
afterEach(() => clients.splice(0).forEach((client) => client.close()));

interface Talk {
  gateway: FakeGateway;
  client: ChatClient;
  session: ChatSession;
  entries: ChatEntry[];
  errors: unknown[];
}

function clientOf(gateway: FakeGateway, more: Partial<ChatOptions> = {}): ChatClient {
  const client = new ChatClient({ url: "http://127.0.0.1:1", token: "t", webSocket: gateway.Socket, timing: FAST, ...more });
  clients.push(client);
  return client;
}

async function talking(gateway = new FakeGateway(), more: Partial<ChatOptions> = {}): Promise<Talk> {
  const errors: unknown[] = [];
  const entries: ChatEntry[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const client = clientOf(gateway, { onError, ...more });
  const acknowledged = await client.connect();
  const session = await client.open({ topic: "retirement", acknowledged, onEntry: (entry) => entries.push(entry), onError });
  return { gateway, client, session, entries, errors };
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 3000; !holds(); ) {
    assert.ok(Date.now() < end, `never: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test("a message whose acknowledgement is lost is sent again under its id, and stored once", async () => {
  const { gateway, session, entries } = await talking();
  gateway.unacknowledged = 2;
  const receipts = await Promise.all(["one", "two", "three"].map((text) => session.send(text)));
  assert.deepEqual(receipts.map((receipt) => receipt.seq), [2, 3, 4]);
  assert.deepEqual(gateway.texts(), ["opened", "one", "two", "three"]);
  assert.deepEqual(entries.map((entry) => entry.entry.seq), [1, 2, 3, 4]);
  assert.ok(entries.every((entry) => entry.own && entry.proven && !entry.replayed));
  assert.deepEqual(session.pending, []);
});

test("what is refused for now is sent again, and what was said after it waits for it", async () => {
  const { gateway, session } = await talking();
  const passing = { code: "not-stored-yet", status: 503, retryable: true };
  gateway.refusals = [passing, passing, passing];
  const first = session.send("one");
  await until(() => gateway.refusals.length < 3);
  await Promise.all([first, session.send("two"), session.send("three")]);
  assert.deepEqual(gateway.texts(), ["opened", "one", "two", "three"]);
});

test("what is refused for good is told to who said it, and to nobody else", async () => {
  const { gateway, session, errors } = await talking();
  gateway.refusals = [{ code: "client-id-reused", status: 409 }];
  await assert.rejects(session.send("one"), (error) => error instanceof RefusedError && error.code === "client-id-reused");
  await session.send("two");
  assert.deepEqual(gateway.texts(), ["opened", "two"]);
  assert.deepEqual(errors, []);
});

test("entries come in their order, each once, over any number of lines", async () => {
  const { gateway, session, entries } = await talking();
  for (let round = 0; round < 5; round++) {
    await gateway.answer(`answer ${round}`);
    gateway.drop();
    await session.send(`line ${round}`);
  }
  assert.deepEqual(entries.map((entry) => entry.entry.seq), gateway.entries.map((entry) => entry.seq));
  assert.deepEqual(entries.map(({ entry }) => "pii" in entry && entry.pii), gateway.entries.map((entry) => entry.pii));
  assert.ok(gateway.sockets.length >= 5);
});

interface Spoilt {
  alter: (frame: ServerFrame) => ServerFrame;
  provoke: (talk: Talk) => unknown;
}

const resumed = (change: object) => (frame: ServerFrame) => (frame.type === "resumed" ? ({ ...frame, ...change } as ServerFrame) : frame);
const second = (change: object) => (frame: ServerFrame) =>
  frame.type === "entry" ? ({ ...frame, entry: { ...frame.entry, ...change } } as ServerFrame) : frame;
const answer = ({ gateway }: Talk): unknown => gateway.answer("an answer");
const drop = ({ gateway }: Talk): void => gateway.drop();
const spoilt: Record<string, Spoilt> = {
  "an entry is missing": { alter: second({ seq: 4 }), provoke: answer },
  "a text is another": { alter: second({ pii: { text: "no", salt: "00112233445566778899aabbccddeeff" } }), provoke: answer },
  "somebody else is said to have said it": { alter: second({ role: "customer" }), provoke: answer },
  "an acknowledgement is of something else": {
    alter: (frame) => (frame.type === "ack" ? { ...frame, at: "2026-03-02T13:00:00.000000Z" } : frame),
    provoke: ({ session }) => session.send("three").catch(() => undefined),
  },
  "the gateway promises another digest": { alter: resumed({ digest: "00".repeat(32) }), provoke: drop },
  "the gateway holds less than it acknowledged": { alter: resumed({ last_seq: 1 }), provoke: drop },
  "the gateway does not know of what it acknowledged": {
    alter: (frame) =>
      frame.type === "resumed" ? { type: "error", code: "cursor-ahead", status: 422, detail: "", session_id: SESSION } : frame,
    provoke: drop,
  },
  "what is closed is not what was said": {
    alter: (frame) => (frame.type === "closed" ? { ...frame, seq: frame.seq + 1 } : frame),
    provoke: ({ session }) => session.close().catch(() => undefined),
  },
};

for (const [name, { alter, provoke }] of Object.entries(spoilt)) {
  test(`it is found out when ${name}`, async () => {
    const talk = await talking();
    await talk.session.send("two");
    talk.gateway.alter = alter;
    provoke(talk);
    await until(() => talk.errors.length > 0);
    assert.ok(talk.errors[0] instanceof IntegrityError, String(talk.errors[0]));
    assert.deepEqual(talk.entries.map((entry) => entry.entry.seq), [1, 2]);
    await assert.rejects(talk.session.send("more"));
  });
}

test("a message that is stored as something else is found out, though every digest holds", async () => {
  const { gateway, session, errors } = await talking();
  gateway.unacknowledged = 1;
  gateway.alterStored = (text) => `${text}!`;
  await assert.rejects(session.send("one"), IntegrityError);
  assert.equal(errors.length, 1);
});

test("a statement whose text is not that of its digest is not shown", async () => {
  const gateway = new FakeGateway();
  gateway.alter = (frame) => (frame.type === "notice" ? { ...frame, title: "Nothing is kept" } : frame);
  await assert.rejects(talking(gateway), IntegrityError);
});

test("who has two roles is told apart by the digest", async () => {
  const gateway = new FakeGateway();
  gateway.roles = ["agent", "customer", "supervisor"];
  const { client, session } = await talking(gateway);
  await session.send("one");
  const { bookmark } = session;
  assert.equal(bookmark.role, "customer");
  gateway.role = "supervisor";
  client.close();
  const other = await talking(gateway);
  other.client.close();
  const again = clientOf(gateway);
  await again.connect();
  const { role: _role, ...without } = bookmark;
  const there = await again.resume(without);
  assert.equal((await there.send("two")).seq, 3);
  assert.equal(there.bookmark.role, "supervisor");
});

test("a bookmark brings what came since, and the whole brings its history as such", async () => {
  const { gateway, client, session } = await talking();
  await session.send("one");
  const { bookmark } = session;
  client.close();
  await gateway.answer("while nobody was there");
  const heard: [number, boolean][] = [];
  for (const where of [bookmark, { sessionId: SESSION }, { sessionId: SESSION, seen: 1 }]) {
    const again = clientOf(gateway);
    await again.connect();
    await again.resume(where, { onEntry: ({ entry, replayed }) => heard.push([entry.seq, replayed]) });
    await until(() => heard.at(-1)?.[0] === 3);
    again.close();
    heard.push([0, false]);
  }
  const end: [number, boolean] = [0, false];
  assert.deepEqual(heard, [[3, false], end, [1, true], [2, true], [3, true], end, [1, true], [2, false], [3, false], end]);
});

test("what a handler throws, and what a newer gateway says, stops nothing", async () => {
  const gateway = new FakeGateway();
  const thrown: unknown[] = [];
  const { queueMicrotask } = globalThis;
  globalThis.queueMicrotask = (work) => {
    try {
      work();
    } catch (error) {
      thrown.push(error); // the platform would report it
    }
  };
  const frames: string[] = [];
  const { session, entries } = await talking(gateway, {
    onFrame: (frame) => {
      frames.push(frame.type);
      throw new TypeError("a fault of the page");
    },
  });
  gateway.tell({ type: "tomorrow", session_id: SESSION } as unknown as ServerFrame);
  const entry = await gateway.store("later", { kept: [1, { b: 2, a: 1 }] });
  gateway.tell({ type: "entry", kind: "tomorrow", entry } as unknown as ServerFrame);
  assert.equal((await session.send("on it goes")).seq, 3);
  assert.equal(entries[1]?.kind, "tomorrow");
  assert.deepEqual(frames, ["tomorrow"]);
  globalThis.queueMicrotask = queueMicrotask;
  assert.match(String(thrown), /a fault of the page/);
});

test("a token is asked for each line, anew when one was refused, and said before the old one expires", async () => {
  const gateway = new FakeGateway();
  const asked: boolean[] = [];
  gateway.expiresInMs = 1_200;
  const { session } = await talking(gateway, {
    token: ({ renew, method, url }) => {
      assert.deepEqual([method, url], ["GET", "http://127.0.0.1:1/v1/chat"]);
      asked.push(renew);
      return { token: "t", proof: "p" };
    },
    timing: { ...FAST, renewal: 1_100 },
  });
  await until(() => asked.length > 1);
  assert.deepEqual(asked.slice(0, 2), [false, true]);
  assert.equal(gateway.sockets.length, 1);
  const hellos = gateway.said.filter((frame) => frame.type === "hello");
  assert.deepEqual(hellos[1], { type: "hello", token: "t", proof: "p", language: "en", arrays: true });
  gateway.expiresInMs = 3_600_000;
  gateway.tell({ type: "error", code: "token-expired", status: 401, detail: "" });
  gateway.drop(4001);
  await session.send("on it goes");
  assert.equal(asked.at(-1), true);
});

test("a source of tokens that fails is asked again", async () => {
  let times = 0;
  await talking(new FakeGateway(), {
    token: async () => {
      times += 1;
      if (times < 3) {
        throw new Error("the portal is out of reach");
      }
      return "t";
    },
  });
  assert.equal(times, 3);
});

test("a token that is refused twice ends it", async () => {
  const gateway = new FakeGateway();
  gateway.refusesTokens = true;
  const errors: unknown[] = [];
  await assert.rejects(talking(gateway, { onError: (error) => errors.push(error) }), AuthenticationError);
  assert.equal(gateway.sockets.length, 2);
  assert.ok(errors[0] instanceof AuthenticationError);
  assert.equal(errors[0].frame?.code, "unauthenticated");
});

test("nobody waits for ever: an aborted message, a closed client", async () => {
  const { gateway, client, session } = await talking();
  gateway.mute = true;
  const stop = new AbortController();
  const given = session.send("one", { signal: stop.signal });
  const kept = session.send("two");
  const closing = session.close();
  stop.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  assert.deepEqual(session.pending.map((one) => one.text), ["two"]);
  client.close();
  await assert.rejects(kept, ClosedError);
  await assert.rejects(closing, ClosedError);
  await assert.rejects(client.open({ topic: "retirement", acknowledged: gateway.notice as never }), ClosedError);
});

test("a line that says nothing is asked, and given up when it does not answer", async () => {
  const { gateway, session } = await talking(new FakeGateway(), { timing: { ...FAST, idle: 40, reply: 40 } });
  await until(() => gateway.said.some((frame) => frame.type === "ping"));
  assert.equal(gateway.sockets.length, 1);
  gateway.mute = true;
  const said = session.send("one");
  await until(() => gateway.sockets.length > 1);
  gateway.mute = false;
  assert.equal((await said).seq, 2);
});

test("a token travels by TLS, within this machine, or where somebody says so; never in an address", () => {
  const webSocket = new FakeGateway().Socket;
  const made = (url: string, insecure = false): ChatClient => new ChatClient({ url, token: "t", webSocket, insecure });
  for (const url of ["https://chat.example", "http://localhost:8001", "http://[::1]:8001/", "https://chat.example/chat/"]) {
    made(url);
  }
  made("http://gateway:8001", true);
  for (const url of ["http://chat.example", "/chat", "ftp://chat.example", "https://u:p@chat.example", "https://chat.example?token=t"]) {
    assert.throws(() => made(url), UnsupportedError, url);
  }
});
