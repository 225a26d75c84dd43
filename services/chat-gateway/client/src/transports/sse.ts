import { LineEnd, type Asking, type Hear } from "./http.js";
import { framesIn } from "./transport.js";

const UNAUTHENTICATED = 4001;
const OVER = 1000;

/** A stream of server-sent events, read with `fetch`: an EventSource would have to put the token into the address. */
export function streams(): Hear {
  return async (asking) => {
    for await (const { name, data } of withDeadline(asking)) {
      if (name !== "end") {
        asking.take(data === "" ? [] : framesIn(data));
        continue;
      }
      const { code } = JSON.parse(data) as { code: number };
      if (code === OVER || code === UNAUTHENTICATED) {
        return; // every session of it is over; or the next one asks for a fresh token
      }
      throw new LineEnd({ how: "told", code });
    }
    throw new LineEnd({ how: "lost" });
  };
}

/** Something in between that gathers an answer before it hands it on makes a stream useless: that shows at its beginning. */
async function* withDeadline(asking: Asking): AsyncGenerator<Event> {
  const events = read(asking);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LineEnd({ how: "refused" })), asking.deadlineMs);
  });
  try {
    for (let next = await Promise.race([events.next(), late]); next.done !== true; next = await events.next()) {
      clearTimeout(timer);
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
  }
}

interface Event {
  name: string;
  data: string;
}

/** Events and comments (without data), as they come. */
async function* read(asking: Asking): AsyncGenerator<Event> {
  const answer = await asking.get(`/chat/stream?${asking.query}`);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || value === undefined) {
      return;
    }
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const of = (field: string): string => {
        const found = lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1));
        return found.map((line) => line.replace(/^ /, "")).join("\n");
      };
      yield { name: of("event"), data: of("data") };
    }
  }
}

