/* The top modal of the acting user's stack, in a native dialog: the focus stays inside, Escape closes it. */
import { act, failure, me } from "./api.js";
import { blocksNodes } from "./blocks.js";
import { h, keepingFocus } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { viewPlace } from "./place.js";
import { marksText, store } from "./store.js";

let shown = null;
let opener = null;

/** Show the top view, rebuild it when the bot changed it, close the dialog when there is none. */
export function drawModal() {
  const view = store.data.views.at(-1);
  if (!view) return dismiss();
  const signature = `${view.id} ${view.hash} ${marksText(view.id)}`;
  if (shown?.signature === signature) return;
  const same = shown?.id === view.id;
  if (!shown) open();
  shown.signature = signature;
  shown.id = view.id;
  keepingFocus(() => fill(view));
  if (!same) focusFirst();
}

function open() {
  opener = document.activeElement?.dataset?.focus ?? null;
  const dialog = h("dialog", {
    class: "dialog modal",
    "data-testid": "modal",
    "aria-labelledby": "modal-title",
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  // A browser may close a dialog on the second Escape whatever a page says.
  dialog.addEventListener("close", () => shown?.dialog === dialog && leave());
  document.body.append(dialog);
  dialog.showModal();
  shown = { dialog };
}

function dismiss() {
  if (!shown) return;
  const { dialog, id } = shown;
  shown = null;
  dialog.close();
  dialog.remove();
  store.forms.delete(id);
  const back =
    opener && [...document.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === opener);
  (back ?? document.getElementById("composer-input"))?.focus();
}

function fill(view) {
  const problem = h("p", {
    class: "field-error modal-problem",
    role: "alert",
    "data-testid": "modal-problem",
    hidden: true,
  });
  const body = h("div", { class: "modal-body" }, nodes(view));
  const form = h(
    "form",
    { novalidate: true, data: { viewId: view.id } },
    top(view),
    body,
    problem,
    bottom(view),
  );
  form.addEventListener("submit", (event) => submit(event, view, form));
  shown.dialog.replaceChildren(form);
}

function top(view) {
  const depth = store.data.views.length;
  const close = {
    type: "button",
    class: "icon",
    "aria-label": "Close",
    "data-testid": "modal-x",
    on: { click: leave },
  };
  return h(
    "header",
    { class: "modal-header" },
    h("h2", { id: "modal-title" }, withEmoji(view.title?.text)),
    depth > 1 && h("span", { class: "badge" }, `${depth} of 3`),
    h("button", close, "✕"),
  );
}

function bottom(view) {
  const button = (type, style, testid, more, text) =>
    h(
      "button",
      { type, class: `button ${style}`, "data-testid": testid, data: { focus: testid }, ...more },
      withEmoji(text),
    );
  return h(
    "footer",
    { class: "dialog-buttons" },
    button("button", "plain", "modal-close", { on: { click: leave } }, view.close?.text ?? "Cancel"),
    view.submit && button("submit", "primary", "modal-submit", {}, view.submit.text),
  );
}

function nodes(view) {
  try {
    return blocksNodes(viewPlace(view), view.blocks);
  } catch (error) {
    return h(
      "p",
      { class: "unknown" },
      `The sandbox cannot draw this form: it does not know the block type "${error.message}".`,
    );
  }
}

function focusFirst() {
  const field =
    shown.dialog.querySelector("[autofocus]") ??
    shown.dialog.querySelector(
      ".modal-body input, .modal-body select, .modal-body textarea, .modal-body button",
    );
  // The form is read from its top, wherever its first field is.
  (field ?? shown.dialog.querySelector("[data-testid=modal-close]")).focus({ preventScroll: true });
}

async function submit(event, view, form) {
  event.preventDefault();
  const send = form.querySelector("[data-testid=modal-submit]");
  send.disabled = true;
  send.setAttribute("aria-busy", "true");
  const values = store.forms.get(view.id)?.values ?? {};
  const answer = await act("submit", { user: me(), view_id: view.id, values: present(view, values) });
  send.disabled = false;
  send.removeAttribute("aria-busy");
  showErrors(form, answer);
}

/* An update of the view may have taken fields away. */
function present(view, values) {
  const there = new Set(view.blocks.map((block) => block.block_id));
  return Object.fromEntries(Object.entries(values).filter(([blockId]) => there.has(blockId)));
}

function showErrors(form, answer) {
  const errors = answer.result?.errors ?? {};
  let first = null;
  for (const node of form.querySelectorAll("[data-testid=field-error][data-block-id]")) {
    const text = errors[node.dataset.blockId];
    node.hidden = !text;
    node.textContent = text ?? "";
    const field = node.parentElement.querySelector("input, select, textarea");
    field?.setAttribute("aria-invalid", String(Boolean(text)));
    if (text) first ??= field;
  }
  first?.focus();
  const problem = form.querySelector("[data-testid=modal-problem]");
  problem.textContent = Object.keys(errors).length ? "" : (failure(answer) ?? "");
  problem.hidden = !problem.textContent;
}

function leave() {
  act("close", { user: me(), view_id: shown.id });
}
