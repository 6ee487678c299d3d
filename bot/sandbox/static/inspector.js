/* The drawer for whoever builds the bot: traffic with latencies, commands, fault switches, reset. */
import { act, traffic } from "./api.js";
import { h, sync } from "./dom.js";
import { currentChannel, store } from "./store.js";

const rows = new Map();
const KEPT = 300;
let tab = "traffic";
let last = 0;
let loading = false;

/** Open or close the drawer. */
export function toggleInspector() {
  const drawer = document.getElementById("inspector");
  drawer.hidden = !drawer.hidden;
  if (!drawer.hidden) {
    show(tab);
    drawer.querySelector("button").focus();
  }
}

/** Bring the traffic up to date, if somebody looks at it. */
export async function drawInspector() {
  const drawer = document.getElementById("inspector");
  if (drawer.hidden || tab !== "traffic" || loading) return;
  loading = true;
  try {
    const found = await traffic(Math.max(last - 20, 0));
    for (const call of found.calls) put(call, "api", call.method, call.arguments, call.answer, call.ms, callError(call), call.status !== 0 || call.ms > 0);
    for (const sent of found.deliveries) put(sent, "bot", sent.kind, sent.payload, sent.answer, sent.ms, sent.error, sent.done);
    const newest = [...rows.keys()].sort((a, b) => b - a);
    for (const number of newest.slice(KEPT)) rows.delete(number);
    sync(drawer.querySelector(".traffic"), newest.slice(0, KEPT).map((number) => rows.get(number).node));
  } catch {
    // The stream's own banner says that the sandbox is gone.
  } finally {
    loading = false;
  }
}

function callError(call) {
  if (call.answer?.ok === false) return call.answer.error;
  return call.status >= 400 ? `HTTP ${call.status}` : null;
}

function put(entry, kind, name, sent, answer, ms, error, done) {
  last = Math.max(last, entry.number);
  const signature = `${done} ${ms}`;
  if (rows.get(entry.number)?.signature === signature) return;
  const arrow = kind === "api" ? "bot → API" : "→ bot";
  const state = !done ? "…" : error ? `✕ ${error}` : "✓";
  const summary = h("summary", {}, h("span", { class: `way ${kind}` }, arrow), h("strong", {}, name), h("span", { class: error ? "bad" : "" }, state), h("span", { class: "ms" }, `${Math.round(ms)} ms`));
  const node = h("details", { data: { number: entry.number, kind } }, summary, h("h4", {}, "Sent"), json(sent), h("h4", {}, "Answer"), json(answer));
  rows.set(entry.number, { signature, node });
}

function json(value) {
  return h("pre", { tabindex: "0" }, JSON.stringify(value ?? null, null, 2));
}

function show(name) {
  tab = name;
  const drawer = document.getElementById("inspector");
  const button = (id, label) => h("button", { type: "button", role: "tab", "aria-selected": String(tab === id), "data-testid": `inspect-${id}`, on: { click: () => show(id) } }, label);
  const close = h("button", { type: "button", class: "icon", "aria-label": "Close inspector", on: { click: toggleInspector } }, "✕");
  const body = { traffic: () => h("div", { class: "traffic" }), commands, faults }[tab]();
  drawer.replaceChildren(h("header", { class: "header" }, h("div", { class: "tabs", role: "tablist" }, button("traffic", "Traffic"), button("commands", "Commands"), button("faults", "Faults")), close), h("div", { class: "inspector-body" }, body));
  drawInspector();
}

function commands() {
  const entry = (command) => h("li", {}, h("code", {}, `${command.name} ${command.usage_hint}`), h("p", {}, command.description));
  const list = store.data.commands.map(entry);
  return h("ul", { class: "command-list" }, list.length ? list : h("li", {}, "No commands were given to the sandbox, so any is accepted."));
}

function faults() {
  const status = h("pre", { role: "status", "data-testid": "fault-state" });
  const method = h("input", { class: "field", value: "*", "aria-label": "Method (* is any)" });
  const times = h("input", { class: "field", type: "number", min: 1, max: 100, value: "1", "aria-label": "How many calls" });
  const run = (values) => async () => {
    const { result, problem } = await act("faults", typeof values === "function" ? values() : values);
    status.textContent = problem ?? JSON.stringify(result, null, 2);
  };
  const plan = (more) => () => ({ plan: { method: method.value.trim() || "*", times: Number(times.value) || 1, ...more } });
  const button = (label, values) => h("button", { type: "button", class: "button plain small", on: { click: run(values) } }, label);
  const group = (title, ...buttons) => h("section", {}, h("h3", {}, title), h("div", { class: "fault-buttons" }, buttons));
  run({})();
  return h(
    "div",
    { class: "faults" },
    h("p", {}, "The next calls of the method go wrong as chosen."),
    h("div", { class: "fault-fields" }, method, times),
    group("API answers", button("429, wait 5 s", plan({ kind: "rate_limited", seconds: 5 })), button("HTTP 500", plan({ kind: "status", status: 500 })), button("Hang 10 s", plan({ kind: "hang", seconds: 10 })), button("Cut before the effect", plan({ kind: "drop_before" })), button("Cut after the effect", plan({ kind: "drop_after" }))),
    group("Token", button("Revoke", { token_error: "token_revoked" }), button("Deactivate", { token_error: "account_inactive" }), button("Restore", { token_error: "" })),
    group("Delivery", button("Next payload twice", { deliver_twice: 1 }), button("Refresh connection", { connection: "refresh" }), button("Drop connection", { connection: "drop" })),
    group("Limits and channels", button("Enforce rate limits", { enforce_rate_limits: true }), button("Do not", { enforce_rate_limits: false }), button("Archive this channel", () => ({ archive: currentChannel().id })), button("Unarchive", () => ({ unarchive: currentChannel().id }))),
    group("Start over", button("No faults", { clear: true }), h("button", { type: "button", class: "button danger small", "data-testid": "reset", on: { click: reset } }, "Reset the sandbox")),
    status,
  );
}

async function reset() {
  rows.clear();
  await act("reset");
}
