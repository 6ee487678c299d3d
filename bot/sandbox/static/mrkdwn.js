/* Slack's mrkdwn to DOM nodes: bold, italic, strike, code, preformatted, quotes, links, mentions, dates, emoji. */
import { h, safeLink } from "./dom.js";
import { formatDate } from "./dates.js";
import { emoji, withEmoji } from "./emoji.js";
import { channelById, groupById, store, userById } from "./store.js";

const INLINE = new RegExp(
  [
    "(?<code>`[^`\\n]+`)",
    "(?<angle><[^<>\\n]+>)",
    "(?<![\\p{L}\\p{N}*])(?<bold>\\*(?=[^\\s*])[^*\\n]*?[^\\s*]\\*|\\*[^\\s*]\\*)(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])(?<italic>_(?=[^\\s_])[^_\\n]*?[^\\s_]_|_[^\\s_]_)(?![\\p{L}\\p{N}_])",
    "(?<![\\p{L}\\p{N}~])(?<strike>~(?=[^\\s~])[^~\\n]*?[^\\s~]~|~[^\\s~]~)(?![\\p{L}\\p{N}~])",
    ":(?<emoji>[a-z0-9_+-]+):",
  ].join("|"),
  "gu",
);
const MARKS = { bold: "strong", italic: "em", strike: "s" };

/** The nodes of a mrkdwn text. */
export function mrkdwn(text) {
  return String(text ?? "")
    .split("```")
    .flatMap((part, index) => {
      if (index % 2) return [h("pre", {}, decode(part.replace(/^\n/, "")))];
      return part ? paragraphs(part) : [];
    });
}

/** The nodes of a text object (plain_text or mrkdwn). */
export function textNodes(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : [withEmoji(object.text)];
}

function paragraphs(text) {
  const nodes = [];
  let quote = null;
  for (const [index, line] of text.split("\n").entries()) {
    const quoted = line.match(/^(?:>|&gt;) ?(.*)$/);
    if (quoted) {
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(quoted[1]));
      continue;
    }
    if (index > 0 && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(line));
  }
  return nodes;
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(decode(text.slice(end, match.index)));
    nodes.push(piece(match));
    end = match.index + match[0].length;
  }
  nodes.push(decode(text.slice(end)));
  return nodes.filter((node) => node !== "");
}

function piece({ 0: all, groups }) {
  if (groups.code) return h("code", {}, decode(all.slice(1, -1)));
  if (groups.angle) return reference(all.slice(1, -1));
  if (groups.emoji) return emoji(groups.emoji) ?? all;
  const mark = Object.keys(MARKS).find((name) => groups[name]);
  return h(MARKS[mark], {}, ...inline(all.slice(1, -1)));
}

function reference(inside) {
  const [target, ...rest] = inside.split("|");
  const label = rest.length ? decode(rest.join("|")) : null;
  if (target.startsWith("@")) return userMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), label);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`, true);
  return safeLink(decode(target), label ?? decode(target));
}

function mention(text, mine = false) {
  return h("span", { class: mine ? "mention mention-me" : "mention" }, text);
}

export function userMention(id, label) {
  return mention(`@${userById(id)?.real_name ?? label ?? id}`, id === store.user);
}

export function channelMention(id, label) {
  return mention(`#${channelById(id)?.name ?? label ?? id}`);
}

export function groupMention(id, label) {
  return mention(`@${groupById(id)?.handle ?? label?.replace(/^@/, "") ?? id}`);
}

function dateNode(target, fallback) {
  const [, seconds, template, url] = target.split("^");
  if (!/^\d+$/.test(seconds ?? "") || !template) return document.createTextNode(fallback ?? target);
  const node = h(
    "time",
    { datetime: new Date(seconds * 1000).toISOString(), title: fallback },
    formatDate(Number(seconds), template),
  );
  return url ? safeLink(url, node.textContent) : node;
}

function decode(text) {
  return text.replace(/&(amp|lt|gt);/g, (all, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}
