/* Talks with the sandbox's server: acts as posts, the snapshot as a live stream. */
import { change, store } from "./store.js";

const SLOW_MS = 1500;

/** Do something as the current user. Gives {result} or {problem}; never throws. */
export async function act(name, values = {}) {
  try {
    const response = await fetch(`/sandbox/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(values),
    });
    const answer = await response.json();
    if (!response.ok) return { problem: answer.problem ?? `The sandbox answered ${response.status}.` };
    noteSpeed(answer);
    return { result: answer };
  } catch {
    return {
      problem: "The sandbox did not answer. Is it still running? Start it again, then reload this page.",
    };
  }
}

function noteSpeed(answer) {
  const ms = answer?.latency_ms ?? 0;
  change({ slow: ms > SLOW_MS && !answer.error ? ms : null });
}

/** The sentence for a person when the bot did not take something; null when it did. */
export function failure({ result, problem }) {
  if (problem) return problem;
  if (!result?.error) return null;
  const why = {
    dispatch_failed: "the bot is not connected or failed",
    operation_timeout: "the bot did not answer within 3 seconds",
  };
  return `Not done (${result.error}): ${why[result.error] ?? "look at the inspector"}. Try again.`;
}

let stream = null;

/** Follow the snapshot of one user; the browser reconnects by itself. */
export function follow(user) {
  stream?.close();
  stream = new EventSource(`/sandbox/live?user=${encodeURIComponent(user)}`);
  stream.onmessage = (event) => {
    const data = JSON.parse(event.data);
    // The user changes together with what they see, never before it.
    change({ data, user: data.me.id, stream: "open" });
  };
  stream.onerror = () => change({ stream: "lost" });
}

/** Become another user. */
export function become(user) {
  sessionStorage.setItem("user", user);
  change({ thread: null });
  follow(user);
}

/** Traffic with a number over `after`. */
export async function traffic(after) {
  const response = await fetch(`/sandbox/traffic?after=${after}`);
  return response.json();
}

/** The current user's id, which every act names. */
export const me = () => store.user;
