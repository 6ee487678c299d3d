/* The user switcher (native radio buttons: arrow keys work), the channels with what is unread, and the app. */
import { act, become, me } from "./api.js";
import { h, sync } from "./dom.js";
import { avatar } from "./messages.js";
import { change, currentChannel, store } from "./store.js";

let drawn = "";

/** Redraw when people, channels or unread counts changed. */
export function drawSidebar(parent) {
  markSeen();
  const rows = store.data.channels.map((channel) => [
    channel.id,
    channel.name,
    channel.is_archived,
    unread(channel),
  ]);
  const signature = JSON.stringify([rows, store.user, currentChannel().id, store.data.users]);
  if (signature === drawn) return;
  drawn = signature;
  const focus = parent.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  sync(parent, [
    title(),
    switcher(),
    channels("Channels", (channel) => !channel.is_im),
    channels("Apps", (channel) => channel.is_im),
    footer(),
  ]);
  if (focus) parent.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
}

function title() {
  return h(
    "header",
    { class: "brand" },
    h("span", { class: "logo", "aria-hidden": "true" }, "⬆"),
    h("div", {}, h("strong", {}, "Sandbox"), h("small", {}, "a local chat to try the bot")),
  );
}

function switcher() {
  const people = store.data.users.filter((user) => !user.is_bot && !user.deleted);
  const option = (user) =>
    h(
      "label",
      { class: "person", "data-testid": `user-${user.id}` },
      h("input", {
        type: "radio",
        name: "act-as",
        value: user.id,
        checked: user.id === store.user,
        data: { focus: `user-${user.id}` },
        on: { change: () => become(user.id) },
      }),
      avatar(user.id, user.real_name),
      h(
        "span",
        { class: "person-name" },
        user.real_name,
        h(
          "small",
          {},
          [user.profile.title, user.locale !== "en-US" && user.locale].filter(Boolean).join(" · "),
        ),
      ),
    );
  return h(
    "fieldset",
    { class: "switcher", role: "radiogroup", "data-testid": "user-switcher", "aria-label": "Act as" },
    h("legend", {}, "Act as"),
    people.map(option),
  );
}

function channels(heading, belongs) {
  const rows = store.data.channels.filter(belongs);
  return h(
    "section",
    { class: "channels" },
    h("h2", {}, heading),
    h(
      "ul",
      {},
      rows.map((channel) => h("li", {}, channelButton(channel))),
    ),
  );
}

function channelButton(channel) {
  const count = unread(channel);
  const current = channel.id === currentChannel().id;
  const sign = channel.is_im ? "◆" : channel.is_archived ? "▣" : "#";
  return h(
    "button",
    {
      type: "button",
      class: "channel",
      "aria-current": current ? "page" : null,
      "data-testid": `channel-${channel.id}`,
      data: { focus: channel.id },
      on: { click: () => open(channel) },
    },
    h("span", { class: "channel-sign", "aria-hidden": "true" }, sign),
    h("span", { class: "channel-name" }, channel.name, channel.is_archived && " (archived)"),
    count > 0 && h("span", { class: "unread", "aria-label": `${count} unread` }, String(count)),
  );
}

function open(channel) {
  change({ channel: channel.id, thread: null, tab: channel.is_im ? "home" : "messages" });
  document.getElementById("app").classList.remove("menu-open");
  if (channel.is_im) openHome();
}

/** Show the app's Home tab and tell the bot that it was opened. */
export function openHome() {
  change({ tab: "home" });
  act("home", { user: me() });
}

function footer() {
  return h("p", { class: "sidebar-note" }, "Nothing here leaves this computer.");
}

const key = (channel) => `${store.user} ${channel.id}`;

function unread(channel) {
  const seen = store.seen.get(key(channel)) ?? "0";
  return channel.messages.filter((message) => message.ts > seen && message.user !== store.user).length;
}

function markSeen() {
  const channel = currentChannel();
  if (document.hidden || (channel.is_im && store.tab === "home")) return;
  store.seen.set(key(channel), channel.messages.at(-1)?.ts ?? "0");
}
