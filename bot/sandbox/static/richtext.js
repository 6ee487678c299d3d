/* rich_text blocks and what may stand inside them. */
import { h, safeLink } from "./dom.js";
import { formatDate } from "./dates.js";
import { emoji } from "./emoji.js";
import { channelMention, groupMention, userMention } from "./mrkdwn.js";

/** A rich_text block. */
export function richText(block) {
  return h("div", { class: "rich-text" }, (block.elements ?? []).map(part));
}

function part(element) {
  const children = element.elements ?? [];
  switch (element.type) {
    case "rich_text_section":
      return h("div", {}, children.map(leaf));
    case "rich_text_preformatted":
      return h("pre", {}, children.map(leaf));
    case "rich_text_quote":
      return h("blockquote", {}, children.map(leaf));
    case "rich_text_list":
      return list(element, children);
    default:
      return unknown(element);
  }
}

function list(element, children) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const level = Math.min(Number(element.indent) || 0, 8);
  return h(
    tag,
    { class: `indent-${level}`, start: element.offset ? element.offset + 1 : null },
    children.map((item) => h("li", {}, part(item))),
  );
}

function leaf(element) {
  const styles = element.style ?? {};
  return [
    ["bold", "strong"],
    ["italic", "em"],
    ["strike", "s"],
    ["underline", "u"],
    ["code", "code"],
  ].reduce((node, [style, tag]) => (styles[style] ? h(tag, {}, node) : node), bare(element));
}

function bare(element) {
  switch (element.type) {
    case "text":
      return lines(element.text);
    case "link":
      return safeLink(element.url, element.text || element.url);
    case "user":
      return userMention(element.user_id);
    case "usergroup":
      return groupMention(element.usergroup_id);
    case "channel":
      return channelMention(element.channel_id);
    case "broadcast":
      return h("span", { class: "mention mention-me" }, `@${element.range}`);
    case "emoji":
      return document.createTextNode(emoji(element.name) ?? `:${element.name}:`);
    case "date":
      return h(
        "time",
        { title: element.fallback },
        formatDate(element.timestamp, element.format ?? "{date_short} {time}"),
      );
    case "color":
      return h("code", {}, element.value);
    default:
      return unknown(element);
  }
}

function lines(text) {
  return h(
    "span",
    {},
    String(text ?? "")
      .split("\n")
      .flatMap((line, index) => (index ? [h("br"), line] : [line])),
  );
}

function unknown(element) {
  return h("em", { class: "unknown" }, `[${element.type}: not drawn in the sandbox]`);
}
