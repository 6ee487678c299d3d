/* Interactive elements. A `place` says where they stand: {id, act(block, element, selected), value(block, element),
   set(block, element, value), options(block, element, typed)}; `act` tells the bot, `set` only remembers. */
import { h, safeImage } from "./dom.js";
import { combobox } from "./combobox.js";
import { confirmFirst } from "./confirm.js";
import {
  conversations,
  dateAndTime,
  many,
  optionGroups,
  people,
  radios,
  select,
  textarea,
  typed,
} from "./fields.js";
import { withEmoji } from "./emoji.js";
import { textNodes } from "./mrkdwn.js";
import { markOf } from "./store.js";

/** Draw one element. `tell` is whether a change goes to the bot at once; `labels` are aria attributes. */
export function element(place, block, item, tell = true, labels = {}) {
  const draw = Object.hasOwn(DRAW, item.type) && DRAW[item.type];
  if (!draw) return h("em", { class: "unknown" }, `[${item.type}: not drawn in the sandbox]`);
  const changed = async (value, node) => {
    place.set(block, item, value);
    if (tell && (await confirmFirst(item.confirm, node))) place.act(block, item, value);
  };
  const names = {
    data: {
      actionId: item.action_id,
      blockId: block.block_id,
      focus: `${place.id}/${block.block_id}/${item.action_id}/${item.value ?? ""}`,
    },
  };
  return draw({ place, block, item, changed, props: { ...names, ...labels } });
}

const DRAW = {
  button,
  workflow_button: button,
  overflow,
  image: ({ item }) => safeImage(item.image_url, item.alt_text, "accessory-image"),
  plain_text: ({ item }) => h("span", {}, textNodes(item)),
  mrkdwn: ({ item }) => h("span", {}, textNodes(item)),
  static_select: (at) => select(at, optionGroups(at.item)),
  users_select: (at) => select(at, people()),
  conversations_select: (at) => select(at, conversations()),
  channels_select: (at) => select(at, conversations()),
  multi_static_select: (at) => many(at, optionGroups(at.item)),
  multi_users_select: (at) => many(at, people()),
  multi_conversations_select: (at) => many(at, conversations()),
  multi_channels_select: (at) => many(at, conversations()),
  checkboxes: (at) => many(at, optionGroups(at.item)),
  radio_buttons: radios,
  external_select: (at) => combobox(at),
  multi_external_select: (at) => combobox(at),
  datepicker: (at) => typed(at, "date"),
  timepicker: (at) => typed(at, "time"),
  datetimepicker: dateAndTime,
  plain_text_input: (at) => (at.item.multiline ? textarea(at) : typed(at, "text")),
  number_input: (at) => typed(at, "number"),
  email_text_input: (at) => typed(at, "email"),
  url_text_input: (at) => typed(at, "url"),
};

function button({ place, block, item, props }) {
  const mark = markOf(place.id, block, item);
  const press = async (event) => {
    const node = event.currentTarget;
    if (!(await confirmFirst(item.confirm, node))) return;
    if (item.url) openLink(item.url);
    place.act(block, item);
  };
  const style = ["primary", "danger"].includes(item.style) ? item.style : "plain";
  const label = item.accessibility_label ?? null;
  const shown = [
    withEmoji(item.text?.text),
    item.url && h("span", { class: "out", "aria-hidden": "true" }, " ↗"),
  ];
  const node = h(
    "button",
    {
      type: "button",
      class: `button ${style}`,
      "aria-label": label,
      "aria-busy": mark === "busy",
      "aria-disabled": mark === "busy",
      disabled: mark === "busy",
      ...props,
      on: { click: press },
    },
    mark === "busy" && h("span", { class: "spinner", "aria-hidden": "true" }),
    shown,
  );
  if (!mark || mark === "busy") return node;
  return h(
    "span",
    { class: "marked" },
    node,
    h(
      "span",
      { class: "mark", role: "alert", title: mark, "data-testid": "click-warning" },
      "⚠ ",
      h("span", {}, mark),
    ),
  );
}

function openLink(url) {
  try {
    const { protocol, href } = new URL(url);
    if (["http:", "https:"].includes(protocol)) window.open(href, "_blank", "noopener,noreferrer");
  } catch {
    // Not an address: the bot still hears of the click, as in Slack.
  }
}

function overflow({ place, block, item, props }) {
  const choose = async (event, option) => {
    const menu = event.currentTarget.closest("details");
    menu.open = false;
    menu.querySelector("summary").focus();
    if (await confirmFirst(item.confirm, menu)) place.act(block, item, option.value);
  };
  const entry = (option) =>
    h(
      "button",
      {
        type: "button",
        role: "menuitem",
        data: { value: option.value },
        on: { click: (event) => choose(event, option) },
      },
      textNodes(option.text),
    );
  const close = (event) => {
    if (event.key === "Escape" && event.currentTarget.open) {
      event.stopPropagation();
      event.currentTarget.open = false;
      event.currentTarget.querySelector("summary").focus();
    }
  };
  const leave = (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
  };
  const mark = markOf(place.id, block, item);
  const warning =
    mark &&
    mark !== "busy" &&
    h("span", { class: "mark", role: "alert", "data-testid": "click-warning" }, "⚠ ", mark);
  return h(
    "span",
    { class: "marked" },
    h(
      "details",
      { class: "overflow", on: { keydown: close, focusout: leave } },
      h(
        "summary",
        { class: "button plain", "aria-label": "More actions", ...props },
        mark === "busy" ? h("span", { class: "spinner" }) : "⋯",
      ),
      h("div", { class: "menu", role: "menu" }, (item.options ?? []).map(entry)),
    ),
    warning,
  );
}
