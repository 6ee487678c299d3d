/* The drawer for whoever builds the bot: traffic with latencies, commands, fault switches, reset. */
import { traffic } from "./api.js";
import { h, sync } from "./dom.js";
import { faultPanel } from "./faults.js";
import { store } from "./store.js";

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
    for (const call of found.calls)
      put(
        call,
        "api",
        call.method,
        call.arguments,
        call.answer,
        call.ms,
        callError(call),
        call.status !== 0 || call.ms > 0,
      );
    for (const sent of found.deliveries)
      put(sent, "bot", sent.kind, sent.payload, sent.answer, sent.ms, sent.error, sent.done);
    const newest = [...rows.keys()].sort((a, b) => b - a);
    for (const number of newest.slice(KEPT)) rows.delete(number);
    sync(
      drawer.querySelector(".traffic"),
      newest.slice(0, KEPT).map((number) => rows.get(number).node),
    );
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
  const summary = h(
    "summary",
    {},
    h("span", { class: `way ${kind}` }, arrow),
    h("strong", {}, name),
    h("span", { class: error ? "bad" : "" }, state),
    h("span", { class: "ms" }, `${Math.round(ms)} ms`),
  );
  const node = h(
    "details",
    { data: { number: entry.number, kind } },
    summary,
    h("h4", {}, "Sent"),
    json(sent),
    h("h4", {}, "Answer"),
    json(answer),
  );
  rows.set(entry.number, { signature, node });
}

function json(value) {
  return h("pre", { tabindex: "0" }, JSON.stringify(value ?? null, null, 2));
}

function show(name) {
  tab = name;
  const drawer = document.getElementById("inspector");
  const button = (id, label) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-selected": String(tab === id),
        "data-testid": `inspect-${id}`,
        on: { click: () => show(id) },
      },
      label,
    );
  const close = h(
    "button",
    { type: "button", class: "icon", "aria-label": "Close inspector", on: { click: toggleInspector } },
    "✕",
  );
  const body = {
    traffic: () => h("div", { class: "traffic" }),
    commands,
    faults: () => faultPanel(() => rows.clear()),
  }[tab]();
  drawer.replaceChildren(
    h(
      "header",
      { class: "header" },
      h(
        "div",
        { class: "tabs", role: "tablist" },
        button("traffic", "Traffic"),
        button("commands", "Commands"),
        button("faults", "Faults"),
      ),
      close,
    ),
    h("div", { class: "inspector-body" }, body),
  );
  drawInspector();
}

function commands() {
  const entry = (command) =>
    h("li", {}, h("code", {}, `${command.name} ${command.usage_hint}`), h("p", {}, command.description));
  const list = store.data.commands.map(entry);
  return h(
    "ul",
    { class: "command-list" },
    list.length ? list : h("li", {}, "No commands were given to the sandbox, so any is accepted."),
  );
}
