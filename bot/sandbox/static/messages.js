/* The message list and the thread panel. A message is rebuilt only when it, or a mark in it, changed. */
import { act, failure, me } from "./api.js";
import { Unknown, blocksNodes } from "./blocks.js";
import { announce, h, keepingFocus, safeImage, safeLink, sync } from "./dom.js";
import { longTime, shortTime } from "./dates.js";
import { mrkdwn } from "./mrkdwn.js";
import { messagePlace } from "./place.js";
import { change, currentChannel, marksText, store, userById } from "./store.js";

const cache = new Map();
const HUES = [210, 265, 340, 25, 160, 190, 45];

/** Redraw the channel's messages; stay at the end if the reader is there. */
export function drawTimeline(parent) {
  const channel = currentChannel();
  const shown = channel.messages.filter(
    (message) => !isReply(message) || message.broadcast || (message.ephemeral && !message.thread_ts),
  );
  fill(parent, channel, shown, "channel", emptyNote(channel));
}

/** Redraw the thread that is open, or hide the panel. */
export function drawThread(parent) {
  const channel = currentChannel();
  const shown = store.thread
    ? channel.messages.filter((message) => message.ts === store.thread || message.thread_ts === store.thread)
    : [];
  parent.hidden = shown.length === 0;
  if (parent.hidden) return;
  const list = parent.querySelector(".thread-list") ?? h("div", { class: "thread-list", tabindex: "0" });
  if (!list.isConnected)
    parent.replaceChildren(threadHeader(), list, h("footer", { class: "composer", id: "thread-composer" }));
  fill(list, channel, shown, "thread", null);
}

function threadHeader() {
  return h(
    "header",
    { class: "header" },
    h("h2", {}, "Thread"),
    h(
      "button",
      {
        type: "button",
        class: "icon",
        "aria-label": "Close thread",
        "data-testid": "thread-close",
        on: { click: closeThread },
      },
      "✕",
    ),
  );
}

/** Close the thread and go back to where it was opened. */
export function closeThread() {
  const opener = document.querySelector(`#timeline [data-thread="${CSS.escape(store.thread ?? "")}"]`);
  change({ thread: null });
  (opener ?? document.getElementById("composer-input"))?.focus();
}

function fill(parent, channel, messages, where, empty) {
  const atEnd =
    parent.scrollHeight - parent.scrollTop - parent.clientHeight < 80 ||
    parent.dataset.channel !== channel.id;
  keepingFocus(() =>
    sync(
      parent,
      messages.length ? messages.map((message) => cached(channel, message, where)) : [empty].filter(Boolean),
    ),
  );
  parent.dataset.channel = channel.id;
  if (atEnd) toEnd(parent);
  highlight(parent);
}

function toEnd(parent) {
  const go = () => (parent.scrollTop = parent.scrollHeight);
  go();
  for (const image of parent.querySelectorAll("img"))
    if (!image.complete) image.addEventListener("load", go, { once: true });
}

function highlight(parent) {
  const wanted = store.highlight && parent.querySelector(`[data-ts="${CSS.escape(store.highlight)}"]`);
  if (!wanted) return;
  store.highlight = null;
  wanted.classList.add("highlight");
  wanted.scrollIntoView({ block: "center" });
}

function emptyNote(channel) {
  const key = `empty ${channel.id}`;
  if (!cache.has(key))
    cache.set(key, {
      node: h(
        "p",
        { class: "empty" },
        `Nothing here yet. Type a slash command below, for example ${store.data.commands[0]?.name ?? "/release"}.`,
      ),
    });
  return cache.get(key).node;
}

function cached(channel, message, where) {
  const key = `${where} ${channel.id} ${message.ts} ${message.ephemeral}`;
  const signature = JSON.stringify(message) + marksText(message.ts) + store.user;
  const before = cache.get(key);
  if (before?.signature === signature) return before.node;
  const node = draw(channel, message, where);
  if (!before) tell(message);
  cache.set(key, { signature, node });
  return node;
}

function tell(message) {
  if (message.user !== store.user && Date.now() / 1000 - Number(message.ts) < 5)
    announce(`${authorName(message)}: ${message.text}`);
}

const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;

const authorName = (message) =>
  message.notice ? "Sandbox" : (userById(message.user)?.real_name ?? message.user);

/** A round picture with initials; the colour belongs to the person. */
export function avatar(id, name) {
  const hue = HUES[[...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % HUES.length];
  const initials = name
    .split(/\s+/)
    .map((word) => word[0])
    .slice(0, 2)
    .join("");
  return h("span", { class: `avatar hue-${hue}`, "aria-hidden": "true" }, initials);
}

function draw(channel, message, where) {
  const name = authorName(message);
  const kind = ["message", message.ephemeral && "ephemeral", message.notice && "notice"]
    .filter(Boolean)
    .join(" ");
  const app = userById(message.user)?.is_bot && h("span", { class: "badge" }, "APP");
  const time = h(
    "a",
    { class: "time", href: `#${channel.id}/${message.ts}`, title: longTime(message.ts) },
    shortTime(message.ts),
  );
  return h(
    "article",
    {
      class: kind,
      "data-testid": "message",
      "aria-label": `Message from ${name}`,
      data: { ts: message.ts, ephemeral: message.ephemeral },
    },
    avatar(message.user, name),
    h(
      "div",
      { class: "message-main" },
      message.ephemeral && h("p", { class: "only-you" }, "👁 Only visible to you"),
      message.broadcast &&
        where === "channel" &&
        h(
          "p",
          { class: "only-you" },
          "↳ also sent to the channel from ",
          threadButton(message.thread_ts, "a thread"),
        ),
      h(
        "p",
        { class: "author" },
        h("strong", {}, name),
        app,
        time,
        message.edited && h("span", { class: "edited" }, "edited"),
      ),
      body(channel, message),
      (message.files ?? []).map(file),
      where === "channel" &&
        message.reply_count &&
        threadButton(message.ts, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`),
    ),
    !message.ephemeral && tools(channel, message, where),
  );
}

function threadButton(ts, text) {
  return h(
    "button",
    {
      type: "button",
      class: "replies",
      "data-testid": "open-thread",
      data: { thread: ts },
      on: { click: () => openThread(ts) },
    },
    text,
  );
}

function openThread(ts) {
  change({ thread: ts });
  document.querySelector("#thread textarea")?.focus();
}

function body(channel, message) {
  if (!message.blocks?.length) return h("div", { class: "text" }, mrkdwn(message.text));
  try {
    return h("div", { class: "blocks" }, blocksNodes(messagePlace(channel, message), message.blocks));
  } catch (error) {
    const what =
      error instanceof Unknown
        ? `the sandbox does not know the block type "${error.message}"`
        : "its blocks could not be drawn";
    return h(
      "div",
      { class: "text" },
      mrkdwn(message.text),
      h("p", { class: "unknown" }, `This is the message's fallback text: ${what}.`),
    );
  }
}

function file(item) {
  const name = item.title || item.name;
  const image =
    item.mimetype.startsWith("image/") && safeImage(item.url_private, item.alt_txt || name, "file-image");
  return h(
    "div",
    { class: "file" },
    image,
    safeLink(item.url_private, `${name} (${Math.ceil(item.size / 1024)} KB)`),
  );
}

function tools(channel, message, where) {
  const shortcuts = store.data.shortcuts.filter((shortcut) => shortcut.type === "message");
  const run = (shortcut) => async () => {
    const answer = await act("message_shortcut", {
      user: me(),
      channel: channel.id,
      message_ts: message.ts,
      callback_id: shortcut.callback_id,
    });
    if (failure(answer)) announce(failure(answer));
  };
  return h(
    "div",
    { class: "tools" },
    where === "channel" &&
      !isReply(message) &&
      h(
        "button",
        {
          type: "button",
          class: "icon",
          title: "Reply in thread",
          "aria-label": "Reply in thread",
          on: { click: () => openThread(message.ts) },
        },
        "💬",
      ),
    shortcuts.map((shortcut) =>
      h(
        "button",
        {
          type: "button",
          class: "icon",
          title: shortcut.name,
          data: { shortcut: shortcut.callback_id },
          on: { click: run(shortcut) },
        },
        shortcut.name,
      ),
    ),
  );
}
