/* The question before a button does something ("confirm" of an element). Native dialogs keep the focus inside. */
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { textNodes } from "./mrkdwn.js";

/** Ask, if there is something to ask; resolves to whether to go on. The focus returns to `opener`. */
export function confirmFirst(confirm, opener) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "dialog confirm", "aria-labelledby": "confirm-title", "data-testid": "confirm" },
      h("h2", { id: "confirm-title" }, withEmoji(confirm.title?.text)),
      h("p", {}, textNodes(confirm.text)),
      h(
        "div",
        { class: "dialog-buttons" },
        h(
          "button",
          {
            type: "button",
            class: "button plain",
            "data-testid": "confirm-deny",
            on: { click: () => dialog.close("no") },
          },
          confirm.deny?.text ?? "Cancel",
        ),
        h(
          "button",
          {
            type: "button",
            class: `button ${confirm.style === "danger" ? "danger" : "primary"}`,
            "data-testid": "confirm-accept",
            on: { click: () => dialog.close("yes") },
          },
          confirm.confirm?.text ?? "Confirm",
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus?.();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
