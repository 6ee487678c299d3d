/* The message field: ordinary messages, slash commands with completion, global shortcuts. */
import { act, failure, me } from "./api.js";
import { announce, h } from "./dom.js";
import { currentChannel, store } from "./store.js";

let count = 0;

/** Build a composer inside `parent` (once); `thread` says whether it answers in the open thread. */
export function mountComposer(parent, thread) {
  if (parent.dataset.mounted) return;
  parent.dataset.mounted = "yes";
  const id = thread ? "thread-input" : "composer-input";
  const list = h("ul", {
    id: `commands-${++count}`,
    class: "suggestions above",
    role: "listbox",
    "aria-label": "Commands",
    hidden: true,
  });
  const note = h("p", {
    class: "composer-note",
    role: "alert",
    hidden: true,
    "data-testid": "composer-note",
  });
  const label = thread ? "Reply in the thread" : "Message or /command";
  const input = h("textarea", {
    id,
    rows: 1,
    placeholder: label,
    "aria-label": label,
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": list.id,
    "aria-autocomplete": "list",
    "data-testid": thread ? "thread-input" : "composer-input",
    autocomplete: "off",
  });
  const send = h(
    "button",
    { type: "submit", class: "button primary", "data-testid": thread ? "thread-send" : "send" },
    "Send",
  );
  const box = { input, list, note, thread, found: [], active: 0 };
  const form = h("form", { "data-testid": thread ? "thread-composer" : "composer" }, input, send);
  form.addEventListener("submit", (event) => submit(event, box));
  input.addEventListener("input", () => complete(box));
  input.addEventListener("keydown", (event) => onKey(event, box, form));
  input.addEventListener("blur", () => close(box));
  parent.append(list, note, form);
}

function complete(box) {
  box.note.hidden = true;
  const typed = box.input.value;
  const asked = !box.thread && typed.startsWith("/") && !/\s/.test(typed);
  const commands = store.data.commands.map((command) => ({
    name: command.name,
    hint: command.usage_hint,
    about: command.description,
  }));
  const globals = store.data.shortcuts
    .filter((shortcut) => shortcut.type === "global")
    .map((shortcut) => ({
      name: `/${shortcut.name}`,
      hint: "",
      about: `shortcut · ${shortcut.description}`,
      shortcut: shortcut.callback_id,
    }));
  box.found = asked
    ? [...commands, ...globals].filter((entry) => entry.name.toLowerCase().startsWith(typed.toLowerCase()))
    : [];
  box.active = 0;
  drawList(box);
}

function drawList(box) {
  const { input, list, found } = box;
  list.hidden = found.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
  const entry = (item, index) =>
    h(
      "li",
      {
        id: `${list.id}-${index}`,
        role: "option",
        class: index === box.active ? "active" : null,
        "aria-selected": String(index === box.active),
        on: {
          mousedown: (event) => {
            event.preventDefault();
            pick(box, item);
          },
        },
      },
      h("strong", {}, item.name),
      " ",
      h("code", {}, item.hint),
      h("small", {}, item.about),
    );
  list.replaceChildren(...found.map(entry));
  if (list.hidden) input.removeAttribute("aria-activedescendant");
  else input.setAttribute("aria-activedescendant", `${list.id}-${box.active}`);
}

function close(box) {
  box.found = [];
  drawList(box);
}

function pick(box, item) {
  close(box);
  if (item.shortcut) {
    box.input.value = "";
    report(box, act("shortcut", { user: me(), callback_id: item.shortcut }));
  } else box.input.value = `${item.name} `;
  box.input.focus();
}

function onKey(event, box, form) {
  const open = box.found.length > 0;
  if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    box.active = (box.active + (event.key === "ArrowDown" ? 1 : -1) + box.found.length) % box.found.length;
    drawList(box);
  } else if (open && event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close(box);
  } else if (
    open &&
    (event.key === "Tab" || event.key === "Enter") &&
    box.found[box.active].name !== box.input.value
  ) {
    event.preventDefault();
    pick(box, box.found[box.active]);
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
}

function submit(event, box) {
  event.preventDefault();
  const text = box.input.value.trim();
  if (!text) return;
  const command = text.match(/^(\/\S+)\s*([\s\S]*)$/);
  if (command && box.thread)
    return say(box, `${command[1]} cannot be used in a thread. Use it in the channel.`);
  box.input.value = "";
  close(box);
  const where = { user: me(), channel: currentChannel().id };
  if (command) report(box, act("command", { ...where, name: command[1], text: command[2] }), text);
  else report(box, act("say", { ...where, text, thread_ts: box.thread ? store.thread : null }), text);
}

async function report(box, doing, text = "") {
  box.input.setAttribute("aria-busy", "true");
  const answer = await doing;
  box.input.removeAttribute("aria-busy");
  const problem = answer.problem ?? null;
  if (problem) say(box, problem);
  if (failure(answer)) announce(failure(answer));
  if (problem && !box.input.value) box.input.value = text;
}

function say(box, text) {
  box.note.textContent = text;
  box.note.hidden = false;
}
