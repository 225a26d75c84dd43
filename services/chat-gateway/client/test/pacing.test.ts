import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, Pause } from "../src/backoff.js";
import { Ladder } from "../src/ladder.js";

test("pauses double up to the most, with jitter over all of them, and begin anew after a success", () => {
  const backoff = new Backoff(100, 1000, () => 0.5);
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => backoff.next()), [50, 100, 200, 400, 500, 500]);
  backoff.reset();
  assert.equal(backoff.next(7), 57);
});

test("a pause can be ended", async () => {
  const pause = new Pause();
  const stop = new AbortController();
  const waits = [pause.wait(60_000, AbortSignal.abort()), pause.wait(60_000, stop.signal)];
  stop.abort();
  await Promise.all(waits);
  const woken = pause.wait(60_000, new AbortController().signal);
  pause.wake();
  await woken;
});

function ladder(): { rungs: Ladder<string>; later(ms: number): void } {
  let now = 0;
  return { rungs: new Ladder(["socket", "stream", "poll"], 100, 1000, () => now), later: (ms) => void (now += ms) };
}

test("what does not come about is followed by the next at once, and by a pause after the last", () => {
  const { rungs } = ladder();
  assert.deepEqual([rungs.failed(), rungs.current()], [true, "stream"]);
  assert.deepEqual([rungs.failed(), rungs.current()], [true, "poll"]);
  assert.deepEqual([rungs.failed(), rungs.current()], [false, "socket"]);
});

test("two lines in a row that are cut soon mean a step down", () => {
  const { rungs } = ladder();
  rungs.lost(20);
  assert.equal(rungs.current(), "socket");
  rungs.lost(20);
  assert.equal(rungs.current(), "stream");
  const again = ladder().rungs;
  again.lost(20);
  again.lost(5000);
  again.lost(20);
  assert.equal(again.current(), "socket");
});

test("what has worked for long is tried several times: the gateway may be starting anew", () => {
  const { rungs } = ladder();
  rungs.lost(5000);
  assert.deepEqual([1, 2, 3, 4].map(() => rungs.failed()), [false, false, false, false]);
  assert.equal(rungs.current(), "socket");
  assert.equal(rungs.failed(), true);
  assert.equal(rungs.current(), "stream");
});

test("after a while the best is tried again", () => {
  const { rungs, later } = ladder();
  rungs.failed();
  later(999);
  assert.equal(rungs.current(), "stream");
  later(1);
  assert.equal(rungs.current(), "socket");
});

test("the last one has nothing below it", () => {
  const rungs = new Ladder(["only"], 100, 1000, () => 0);
  [1, 2, 3].forEach(() => rungs.lost(1));
  assert.equal(rungs.failed(), false);
  assert.equal(rungs.current(), "only");
});
