import type { ServerFrame } from "../protocol.js";
import type { Hear } from "./http.js";

const WAIT_SECONDS = 20;

/** One question after the other; each waits until there is something to tell. */
export function polls(): Hear {
  let state = ""; // says what of the sessions' state is known already
  return async (asking) => {
    const wait = asking.urgent ? 0 : WAIT_SECONDS;
    const answer = await asking.get(`/chat/poll?wait=${wait}&state=${encodeURIComponent(state)}&${asking.query}`);
    const told = (await answer.json()) as { frames: ServerFrame[]; state: string };
    state = told.state;
    asking.take(told.frames);
  };
}
