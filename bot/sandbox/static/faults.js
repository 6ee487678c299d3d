/* The inspector's switches: what goes wrong on purpose, and starting over. */
import { act } from "./api.js";
import { h } from "./dom.js";
import { currentChannel } from "./store.js";

const SWITCHES = {
  Token: [
    ["Revoke", { token_error: "token_revoked" }],
    ["Deactivate", { token_error: "account_inactive" }],
    ["Restore", { token_error: "" }],
  ],
  Delivery: [
    ["Next payload twice", { deliver_twice: 1 }],
    ["Refresh connection", { connection: "refresh" }],
    ["Drop connection", { connection: "drop" }],
    ["Silence connection", { connection: "mute" }],
  ],
  "Limits and channels": [
    ["Enforce rate limits", { enforce_rate_limits: true }],
    ["Do not", { enforce_rate_limits: false }],
    ["Archive this channel", () => ({ archive: currentChannel().id })],
    ["Unarchive", () => ({ unarchive: currentChannel().id })],
  ],
  "Start over": [["No faults", { clear: true }]],
};
const PLANS = [
  ["429, wait 5 s", { kind: "rate_limited", seconds: 5 }],
  ["HTTP 500", { kind: "status", status: 500 }],
  ["Hang 10 s", { kind: "hang", seconds: 10 }],
  ["Cut before the effect", { kind: "drop_before" }],
  ["Cut after the effect", { kind: "drop_after" }],
];

/** The panel; `onReset` is called before the sandbox forgets everything. */
export function faultPanel(onReset) {
  const status = h("pre", { role: "status", "data-testid": "fault-state" });
  const method = h("input", { class: "field", value: "*", "aria-label": "Method (* is any)" });
  const times = h("input", {
    class: "field",
    type: "number",
    min: 1,
    max: 100,
    value: "1",
    "aria-label": "Calls",
  });
  const run = async (values) => {
    const { result, problem } = await act("faults", typeof values === "function" ? values() : values);
    status.textContent = problem ?? JSON.stringify(result, null, 2);
  };
  const planned = (fault) => () => ({
    plan: { method: method.value.trim() || "*", times: Number(times.value) || 1, ...fault },
  });
  run({});
  return h(
    "div",
    { class: "faults" },
    h("p", {}, "The next calls of the method go wrong as chosen."),
    h("div", { class: "fault-fields" }, method, times),
    group(
      "API answers",
      PLANS.map(([label, fault]) => [label, planned(fault)]),
      run,
    ),
    Object.entries(SWITCHES).map(([title, switches]) => group(title, switches, run)),
    resetButton(onReset),
    status,
  );
}

function group(title, switches, run) {
  const button = ([label, values]) =>
    h("button", { type: "button", class: "button plain small", on: { click: () => run(values) } }, label);
  return h("section", {}, h("h3", {}, title), h("div", { class: "fault-buttons" }, switches.map(button)));
}

function resetButton(onReset) {
  const reset = () => {
    onReset();
    act("reset");
  };
  const props = {
    type: "button",
    class: "button danger small",
    "data-testid": "reset",
    on: { click: reset },
  };
  return h("div", {}, h("button", props, "Reset the sandbox"));
}
