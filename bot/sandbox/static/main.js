/* The sandbox's page. It draws the snapshot that the server streams for the acting user, and posts acts.

   Hooks for browser tests (stable; roles and accessible names are stable too):
     user switcher    [data-testid=user-switcher], each person [data-testid="user-<id>"] (a radio button)
     channels         [data-testid="channel-<id>"]; App Home tabs [data-testid=tab-home], [data-testid=tab-messages]
     messages         [data-testid=message][data-ts="<ts>"], ephemeral ones with data-ephemeral="true",
                      inside #timeline [data-testid=timeline] or the thread [data-testid=thread-panel]
     elements         [data-action-id][data-block-id]; a failed click shows [data-testid=click-warning]
     threads          [data-testid=open-thread], [data-testid=thread-close], [data-testid=thread-input], thread-send
     composer         [data-testid=composer-input], [data-testid=send], refusals in [data-testid=composer-note]
     confirm          [data-testid=confirm], confirm-accept, confirm-deny
     modal            [data-testid=modal] with form[data-view-id], modal-submit, modal-close, modal-x,
                      field errors [data-testid=field-error][data-block-id], others in [data-testid=modal-problem]
     home             [data-testid=home];  banner [data-testid=banner]
     inspector        [data-testid=inspector-toggle], inspect-traffic, inspect-commands, inspect-faults, reset
   body[data-ready=true] once the first snapshot is drawn. Texts of new messages are also in #announcer, for
   screen readers: look for texts inside the timeline, the thread panel, the modal or the Home tab. */
import { follow } from "./api.js";
import { mountComposer } from "./composer.js";
import { drawHeader, drawHome } from "./home.js";
import { drawInspector } from "./inspector.js";
import { closeThread, drawThread, drawTimeline } from "./messages.js";
import { drawModal } from "./modal.js";
import { drawSidebar } from "./sidebar.js";
import { change, currentChannel, onChange, store } from "./store.js";

const at = (id) => document.getElementById(id);

function draw() {
  drawBanner(at("banner"));
  if (!store.data) return;
  const home = currentChannel().is_im && store.tab === "home";
  drawSidebar(at("sidebar"));
  drawHeader(at("header"));
  at("home").hidden = !home;
  at("timeline").hidden = home;
  at("composer").hidden = home;
  mountComposer(at("composer"), false);
  if (home) drawHome(at("home"));
  else drawTimeline(at("timeline"));
  drawThread(at("thread"));
  if (at("thread-composer")) mountComposer(at("thread-composer"), true);
  drawModal();
  drawInspector();
  document.body.dataset.ready = "true";
}

function drawBanner(banner) {
  const text = bannerText();
  banner.hidden = !text;
  banner.classList.toggle(
    "mild",
    Boolean(store.slow) && store.stream === "open" && store.data?.bot.online === true,
  );
  if (banner.textContent !== text) banner.textContent = text;
}

function bannerText() {
  if (store.stream === "lost")
    return "The sandbox does not answer. Start it again; this page reconnects by itself.";
  if (!store.data) return "";
  if (!store.data.bot.online)
    return "The bot is not connected: commands and buttons will fail. Start the bot, or look at its log.";
  if (store.slow)
    return `The bot was slow: it took ${(store.slow / 1000).toFixed(1)} s to answer, and 3 s is the limit.`;
  return "";
}

function openHash() {
  const [, channel, ts] = location.hash.match(/^#([A-Z0-9]+)(?:\/([\d.]+))?$/) ?? [];
  if (channel) change({ channel, highlight: ts ?? null, tab: "messages" });
}

const closeMenu = () => at("app").classList.remove("menu-open");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (at("app").classList.contains("menu-open")) closeMenu();
  else if (store.thread) closeThread();
});
at("main").addEventListener("click", (event) => event.target.closest("[data-testid=menu]") || closeMenu());
addEventListener("hashchange", openHash);
onChange(draw);
openHash();
follow(store.user);
