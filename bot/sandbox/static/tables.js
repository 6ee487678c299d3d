/* table, data_table (pages), plan, task_card and alert blocks. */
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { textNodes } from "./mrkdwn.js";
import { richText } from "./richtext.js";

const STATES = {
  pending: ["○", "pending"],
  in_progress: ["◐", "in progress"],
  complete: ["●", "complete"],
  error: ["✕", "error"],
};

function cell(content, tag, settings = {}) {
  const align = ["left", "center", "right"].includes(settings.align) ? settings.align : "left";
  const inside =
    content.type === "rich_text" ? richText(content) : withEmoji(content.text ?? String(content.value ?? ""));
  return h(tag, { class: `align-${align}`, scope: tag === "th" ? "col" : null }, inside);
}

/** A table block: its first row is the heading. */
export function table(block) {
  const [head = [], ...rows] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  const line = (row, tag) =>
    h(
      "tr",
      {},
      row.map((content, index) => cell(content, tag, settings[index] ?? {})),
    );
  return scrolling(
    "Table",
    h(
      "table",
      {},
      h("thead", {}, line(head, "th")),
      h(
        "tbody",
        {},
        rows.map((row) => line(row, "td")),
      ),
    ),
  );
}

/** A data_table block: a caption, a row header, and pages. */
export function dataTable(block) {
  const [head = [], ...rows] = block.rows ?? [];
  const size = block.page_size ?? 5;
  const header = block.row_header_column_index ?? 0;
  const body = h("tbody");
  const where = h("span", { "aria-live": "polite" });
  const pages = Math.max(Math.ceil(rows.length / size), 1);
  let page = 0;
  const row = (cells) =>
    h(
      "tr",
      {},
      cells.map((content, index) => rowCell(content, index === header)),
    );
  const show = (to) => {
    page = Math.min(Math.max(to, 0), pages - 1);
    body.replaceChildren(...rows.slice(page * size, (page + 1) * size).map(row));
    where.textContent = `Page ${page + 1} of ${pages}`;
  };
  show(0);
  const shown = h(
    "table",
    {},
    h("caption", {}, block.caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        head.map((content) => cell(content, "th")),
      ),
    ),
    body,
  );
  const turn = (label, step) =>
    h("button", { type: "button", class: "button small", on: { click: () => show(page + step) } }, label);
  const pager = pages > 1 && h("div", { class: "pager" }, turn("Previous", -1), where, turn("Next", 1));
  return h("div", {}, scrolling(block.caption, shown), pager);
}

function rowCell(content, isHeader) {
  const node = cell(content, isHeader ? "th" : "td");
  if (isHeader) node.setAttribute("scope", "row");
  return node;
}

function scrolling(label, node) {
  return h("div", { class: "table-scroll", role: "region", "aria-label": label, tabindex: "0" }, node);
}

/** A plan block: its tasks as a list of steps. */
export function plan(block) {
  const tasks = block.tasks ?? [];
  return h(
    "div",
    { class: "plan" },
    h("p", { class: "plan-title" }, withEmoji(block.title)),
    h(
      "ol",
      { class: "tasks" },
      tasks.map((task) => h("li", {}, taskCard(task))),
    ),
  );
}

/** A task_card block. */
export function taskCard(task) {
  const [sign, word] = STATES[task.status] ?? ["○", task.status ?? "pending"];
  return h(
    "div",
    { class: `task task-${STATES[task.status] ? task.status : "pending"}` },
    h("span", { class: "task-sign", "aria-hidden": "true" }, sign),
    h(
      "div",
      {},
      h("span", { class: "task-title" }, withEmoji(task.title)),
      h("span", { class: "task-state" }, word),
      task.details && richText(task.details),
      task.output && richText(task.output),
    ),
  );
}

/** An alert block; its level is a word too, not only a colour. */
export function alertBlock(block) {
  const level = ["info", "warning", "error", "success"].includes(block.level) ? block.level : "default";
  const word = { info: "Note", warning: "Warning", error: "Important", success: "Good", default: "Note" }[
    level
  ];
  return h(
    "div",
    { class: `alert alert-${level}`, role: "note" },
    h("strong", {}, `${word}: `),
    textNodes(block.text),
  );
}
