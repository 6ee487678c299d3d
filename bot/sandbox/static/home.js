/* The header of a conversation, and the app's Home tab. */
import { blocksNodes } from "./blocks.js";
import { h, keepingFocus, sync } from "./dom.js";
import { viewPlace } from "./place.js";
import { openHome } from "./sidebar.js";
import { change, currentChannel, marksText, store } from "./store.js";
import { toggleInspector } from "./inspector.js";

let drawn = "";
let headerDrawn = "";

/** Redraw the header: where one is, the app's tabs, the menu and the inspector's button. */
export function drawHeader(parent) {
  const channel = currentChannel();
  const signature = `${channel.id} ${channel.name} ${channel.is_archived} ${store.tab} ${store.user}`;
  if (signature === headerDrawn) return;
  headerDrawn = signature;
  const me = store.data.me;
  const topic = channel.is_im ? `as ${me.real_name}` : `${channel.topic?.value ?? ""} · as ${me.real_name}`;
  keepingFocus(() =>
    sync(
      parent,
      [
        menuButton(),
        h(
          "div",
          { class: "header-text" },
          h("h1", {}, channel.is_im ? channel.name : `# ${channel.name}`),
          h("small", {}, topic),
        ),
        channel.is_im && tabs(),
        inspectorButton(),
      ].filter(Boolean),
    ),
  );
}

function menuButton() {
  const toggle = () => document.getElementById("app").classList.toggle("menu-open");
  return h(
    "button",
    {
      type: "button",
      class: "icon menu-button",
      "aria-label": "People and channels",
      "data-testid": "menu",
      on: { click: toggle },
    },
    "☰",
  );
}

function inspectorButton() {
  return h(
    "button",
    {
      type: "button",
      class: "button plain small",
      "data-testid": "inspector-toggle",
      data: { focus: "inspector" },
      on: { click: toggleInspector },
    },
    "Inspector",
  );
}

function tabs() {
  const tab = (name, label, run) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-selected": String(store.tab === name),
        "data-testid": `tab-${name}`,
        data: { focus: `tab-${name}` },
        on: { click: run },
      },
      label,
    );
  return h(
    "div",
    { class: "tabs", role: "tablist" },
    tab("home", "Home", openHome),
    tab("messages", "Messages", () => change({ tab: "messages" })),
  );
}

/** Redraw the Home tab of the acting user. */
export function drawHome(parent) {
  const home = store.data.home;
  const signature = home
    ? `${home.id} ${home.hash} ${marksText(home.id)} ${store.user}`
    : `none ${store.user}`;
  if (signature === drawn) return;
  drawn = signature;
  keepingFocus(() =>
    parent.replaceChildren(
      h(
        "div",
        { class: "home-page" },
        home
          ? content(home)
          : h("p", { class: "empty" }, "The bot has not published a Home tab for this person yet."),
      ),
    ),
  );
}

function content(home) {
  try {
    return blocksNodes(viewPlace(home), home.blocks);
  } catch (error) {
    return h(
      "p",
      { class: "unknown" },
      `The sandbox cannot draw this Home tab: it does not know the block type "${error.message}".`,
    );
  }
}
