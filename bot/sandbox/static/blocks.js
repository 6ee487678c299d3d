/* Blocks to DOM. An unknown block throws Unknown, and the message then shows its text instead. */
import { h, safeImage } from "./dom.js";
import { element } from "./elements.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn, textNodes } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { alertBlock, dataTable, plan, table, taskCard } from "./tables.js";

export class Unknown extends Error {}

const DRAW = {
  header: (place, block) => h("h3", { class: "block-header" }, withEmoji(block.text.text)),
  section,
  actions: (place, block) =>
    h(
      "div",
      { class: "actions" },
      block.elements.map((item) => element(place, block, item)),
    ),
  context: (place, block) =>
    h(
      "div",
      { class: "context" },
      block.elements.map((item) => element(place, block, item)),
    ),
  divider: () => h("hr"),
  image: (place, block) =>
    h(
      "figure",
      {},
      block.title && h("figcaption", {}, textNodes(block.title)),
      safeImage(block.image_url, block.alt_text, "block-image"),
    ),
  input,
  rich_text: (place, block) => richText(block),
  markdown: (place, block) => h("div", {}, mrkdwn(block.text)),
  table: (place, block) => table(block),
  data_table: (place, block) => dataTable(block),
  plan: (place, block) => plan(block),
  task_card: (place, block) => taskCard(block),
  alert: (place, block) => alertBlock(block),
};

/** The nodes of a list of blocks. Throws Unknown, naming the type. */
export function blocksNodes(place, blocks) {
  return blocks.map((block) => {
    const draw = Object.hasOwn(DRAW, block.type) && DRAW[block.type];
    if (!draw) throw new Unknown(block.type);
    return h(
      "div",
      { class: `block block-${block.type}`, data: { blockId: block.block_id } },
      draw(place, block),
    );
  });
}

function section(place, block) {
  const text = block.text && h("div", { class: "section-text" }, textNodes(block.text));
  const fields =
    block.fields &&
    h(
      "div",
      { class: "fields" },
      block.fields.map((field) => h("div", {}, textNodes(field))),
    );
  const accessory =
    block.accessory && h("div", { class: "accessory" }, element(place, block, block.accessory));
  return h("div", { class: "section" }, h("div", { class: "section-main" }, text, fields), accessory);
}

function input(place, block) {
  const base = `${place.id}-${block.block_id}`.replace(/[^\w-]/g, "_");
  const ids = { label: `${base}-label`, hint: `${base}-hint`, error: `${base}-error` };
  const labels = {
    "aria-labelledby": ids.label,
    "aria-describedby": `${ids.error} ${ids.hint}`,
    "aria-required": block.optional ? null : "true",
  };
  return h(
    "div",
    { class: "input" },
    h(
      "p",
      { id: ids.label, class: "input-label" },
      withEmoji(block.label.text),
      block.optional && h("span", { class: "optional" }, " (optional)"),
    ),
    element(place, block, block.element, block.dispatch_action === true, labels),
    h("p", {
      id: ids.error,
      class: "field-error",
      role: "alert",
      "data-testid": "field-error",
      data: { blockId: block.block_id },
      hidden: true,
    }),
    block.hint && h("p", { id: ids.hint, class: "hint" }, withEmoji(block.hint.text)),
  );
}
