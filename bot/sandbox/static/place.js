/* Where elements stand (a message or a view), and how their use reaches the bot. See elements.js. */
import { act, failure, me } from "./api.js";
import { announce } from "./dom.js";
import { setMark, store } from "./store.js";

/** The elements of one message. The server remembers what was chosen. */
export function messagePlace(channel, message) {
  const where = { channel: channel.id, message_ts: message.ts };
  return {
    id: message.ts,
    value: (block, item) => raw(message.state, block, item),
    known: (block, item) => knownOptions(message.state, block, item),
    set: () => {},
    remember: () => {},
    options: (block, item, typed) =>
      act("message_options", { user: me(), ...where, ...names(block, item), typed }),
    act: (block, item, selected) =>
      use(message.ts, block, item, "click", {
        ...where,
        value: item.value ?? null,
        selected: selected ?? null,
      }),
  };
}

/** The elements of a modal or of the Home tab; what is typed is kept here until it is submitted. */
export function viewPlace(view) {
  const form = store.forms.get(view.id) ?? {};
  store.forms.set(view.id, form);
  const seen = (form.seen ??= []);
  return {
    id: view.id,
    value: (block, item) =>
      form.values?.[block.block_id]?.[item.action_id] ?? raw(view.state.values, block, item),
    known: (block, item) => [...seen, ...knownOptions(view.state.values, block, item)],
    set: (block, item, value) => (((form.values ??= {})[block.block_id] ??= {})[item.action_id] = value),
    remember: (block, item, option) => seen.push(option),
    options: (block, item, typed) =>
      act("options", { user: me(), view_id: view.id, ...names(block, item), typed }),
    act: (block, item, selected) =>
      use(view.id, block, item, "click_view", {
        view_id: view.id,
        value: item.value ?? null,
        selected: selected ?? null,
      }),
  };
}

const names = (block, item) => ({ action_id: item.action_id, block_id: block.block_id });

async function use(container, block, item, name, values) {
  setMark(container, block, item, "busy");
  const answer = await act(name, { user: me(), ...names(block, item), ...values });
  const problem = failure(answer);
  if (problem) announce(problem);
  setMark(container, block, item, problem ?? undefined);
}

const KEYS = [
  "value",
  "selected_date",
  "selected_time",
  "selected_date_time",
  "selected_user",
  "selected_users",
  "selected_conversation",
  "selected_conversations",
  "selected_channel",
  "selected_channels",
];

function stateOf(values, block, item) {
  return values?.[block.block_id]?.[item.action_id];
}

function raw(values, block, item) {
  const state = stateOf(values, block, item);
  if (!state) return undefined;
  if (state.selected_option !== undefined) return state.selected_option?.value;
  if (state.selected_options !== undefined)
    return (state.selected_options ?? []).map((option) => option.value);
  return state[KEYS.find((key) => state[key] !== undefined)] ?? undefined;
}

function knownOptions(values, block, item) {
  const state = stateOf(values, block, item) ?? {};
  return [state.selected_option, ...(state.selected_options ?? [])].filter(Boolean);
}
