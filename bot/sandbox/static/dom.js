/* Small helpers to build the page. Text always becomes a text node: nothing from outside is parsed as HTML. */

/** An element with attributes (false and null leave one out), `on` listeners, `data` and children. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "data") setData(node, value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

function setData(node, values) {
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== null) node.dataset[name] = value;
}

/** Make `parent` hold exactly `nodes`, touching only what differs, so that focus and scroll survive. */
export function sync(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
}

/** Run `change`, then give the focus back to the element with the same place in the data, if it was rebuilt. */
export function keepingFocus(change) {
  const before = document.activeElement;
  const key = before && focusKey(before);
  change();
  if (!key || document.activeElement === before) return;
  [...document.querySelectorAll("[data-focus]")]
    .find((node) => focusKey(node) === key)
    ?.focus({ preventScroll: true });
}

function focusKey(node) {
  return node.dataset?.focus;
}

/** Tell a screen reader, without moving anything. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** A link that may be followed: only http, https and mailto; anything else is plain text. */
export function safeLink(url, label) {
  let parsed;
  try {
    parsed = new URL(url, location.href);
  } catch {
    return document.createTextNode(String(label));
  }
  if (!["http:", "https:", "mailto:"].includes(parsed.protocol))
    return document.createTextNode(String(label));
  return h("a", { href: parsed.href, target: "_blank", rel: "noopener noreferrer" }, label);
}

/** An image from here or from a data: address; others are named, not fetched. */
export function safeImage(url, alt, className) {
  const text = String(url ?? "");
  const ours = text.startsWith(`${location.origin}/`) || /^data:image\/(png|jpeg|gif|webp);/.test(text);
  if (ours) return h("img", { src: text, alt: alt ?? "", class: className });
  return h(
    "span",
    { class: `${className} image-away`, role: "img", "aria-label": alt },
    "🖼 ",
    alt || "image",
    h("small", {}, " (outside images are not fetched)"),
  );
}
