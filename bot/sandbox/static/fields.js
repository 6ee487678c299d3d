/* The elements that take a value, as native fields: keyboards and screen readers know them. See elements.js. */
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { textNodes } from "./mrkdwn.js";
import { store } from "./store.js";

/** The options of a select, in groups; one nameless group when it has none. */
export function optionGroups(item) {
  if (!item.option_groups) return [{ options: item.options ?? [] }];
  return item.option_groups.map((group) => ({ label: group.label?.text, options: group.options ?? [] }));
}

const asOption = (value, text) => ({ value, text: { type: "plain_text", text } });
/** Everybody, as options. */
export const people = () => [
  { options: (store.data?.users ?? []).map((user) => asOption(user.id, user.real_name)) },
];
/** The acting user's conversations, as options. */
export const conversations = () => [
  {
    options: (store.data?.channels ?? []).map((channel) =>
      asOption(channel.id, channel.is_im ? channel.name : `#${channel.name}`),
    ),
  },
];

/** A native select. */
export function select({ place, block, item, changed, props }, groups) {
  const current = place.value(block, item);
  const entry = (option) =>
    h("option", { value: option.value, selected: option.value === current }, withEmoji(option.text.text));
  const list = groups.map((group) =>
    group.label ? h("optgroup", { label: group.label }, group.options.map(entry)) : group.options.map(entry),
  );
  const placeholder = h("option", { value: "" }, item.placeholder?.text ?? "Choose…");
  return h(
    "select",
    {
      class: "field",
      ...named(item, props),
      on: { change: (event) => changed(event.target.value || null, event.target) },
    },
    placeholder,
    list,
  );
}

/** Several choices, as checkboxes. */
export function many({ place, block, item, changed, props }, groups) {
  const chosen = new Set(place.value(block, item) ?? []);
  const toggle = (event, value) => {
    if (event.target.checked) chosen.add(value);
    else chosen.delete(value);
    changed([...chosen], event.target);
  };
  const entry = (option) =>
    h(
      "label",
      { class: "choice" },
      h("input", {
        type: "checkbox",
        value: option.value,
        checked: chosen.has(option.value),
        on: { change: (event) => toggle(event, option.value) },
      }),
      h("span", {}, textNodes(option.text), described(option)),
    );
  return h(
    "div",
    { role: "group", class: "choices", ...named(item, props) },
    groups.map((group) => [
      group.label && h("p", { class: "choice-group" }, group.label),
      group.options.map(entry),
    ]),
  );
}

/** One choice, as radio buttons. */
export function radios({ place, block, item, changed, props }) {
  const current = place.value(block, item);
  const name = `${place.id}/${block.block_id}/${item.action_id}`;
  const entry = (option) =>
    h(
      "label",
      { class: "choice" },
      h("input", {
        type: "radio",
        name,
        value: option.value,
        checked: option.value === current,
        on: { change: (event) => changed(option.value, event.target) },
      }),
      h("span", {}, textNodes(option.text), described(option)),
    );
  return h(
    "div",
    { role: "radiogroup", class: "choices", ...named(item, props) },
    (item.options ?? []).map(entry),
  );
}

function described(option) {
  return option.description && h("small", { class: "choice-more" }, textNodes(option.description));
}

/** A one-line field: text, number, address, date or time. */
export function typed({ place, block, item, changed, props }, type) {
  const events =
    type === "date" || type === "time"
      ? { change: (event) => changed(event.target.value || null, event.target) }
      : typing(place, block, item, changed);
  return h("input", {
    type,
    class: "field",
    value: place.value(block, item) ?? "",
    placeholder: item.placeholder?.text,
    step: item.is_decimal_allowed ? "any" : null,
    autofocus: item.focus_on_load,
    ...named(item, props),
    on: events,
  });
}

/** A field of several lines. */
export function textarea({ place, block, item, changed, props }) {
  return h("textarea", {
    class: "field",
    rows: 3,
    value: place.value(block, item) ?? "",
    placeholder: item.placeholder?.text,
    autofocus: item.focus_on_load,
    ...named(item, props),
    on: typing(place, block, item, changed),
  });
}

function typing(place, block, item, changed) {
  return {
    input: (event) => place.set(block, item, event.target.value),
    change: (event) => changed(event.target.value, event.target),
  };
}

/** A date and a time; the value is in seconds since the epoch. */
export function dateAndTime({ place, block, item, changed, props }) {
  const seconds = place.value(block, item);
  const local = seconds
    ? new Date(seconds * 1000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
    : "";
  const read = (text) => (text ? Math.round(new Date(text).getTime() / 1000) : null);
  return h("input", {
    type: "datetime-local",
    class: "field",
    value: local,
    ...named(item, props),
    on: { change: (event) => changed(read(event.target.value), event.target) },
  });
}

function named(item, props) {
  const label = item.accessibility_label ?? item.placeholder?.text ?? item.action_id;
  return props["aria-labelledby"] ? props : { ...props, "aria-label": label };
}
