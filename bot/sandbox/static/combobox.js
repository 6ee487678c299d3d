/* An external select: the bot suggests options while a person types. Arrow keys, Enter and Escape work. */
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";

const PAUSE_MS = 200;
let count = 0;

/** The field with its list; several choices are shown as removable chips. */
export function combobox({ place, block, item, changed, props }) {
  const multiple = item.type.startsWith("multi_");
  const state = { options: [], active: -1, chosen: initial(place, block, item, multiple) };
  const id = `options-${++count}`;
  const list = h("ul", { id, role: "listbox", class: "suggestions", hidden: true });
  const chips = h("div", { class: "chips" });
  const input = h("input", {
    class: "field",
    role: "combobox",
    autocomplete: "off",
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    placeholder: item.placeholder?.text ?? "Type to search",
    ...props,
  });
  const box = { place, block, item, changed, multiple, state, list, chips, input };
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest(box), PAUSE_MS);
  };
  input.addEventListener("input", later);
  input.addEventListener("click", () => (item.min_query_length ?? 3) === 0 && suggest(box));
  input.addEventListener("blur", () => close(box));
  input.addEventListener("keydown", (event) => onKey(box, event));
  showChosen(box);
  return h("div", { class: "combobox" }, chips, input, list);
}

function initial(place, block, item, multiple) {
  const values = place.value(block, item);
  const known = [item.initial_option, ...(item.initial_options ?? []), ...place.known(block, item)].filter(
    Boolean,
  );
  const wanted = multiple ? (values ?? []) : [values].filter(Boolean);
  return wanted.map(
    (value) => known.find((option) => option.value === value) ?? { value, text: { text: value } },
  );
}

async function suggest(box) {
  const typed = box.input.value;
  if (typed.length < (box.item.min_query_length ?? 3)) return close(box);
  const single = !box.multiple && box.state.chosen[0] && typed === box.state.chosen[0].text.text;
  const { result, problem } = await box.place.options(box.block, box.item, single ? "" : typed);
  if (document.activeElement !== box.input) return;
  box.state.options = result ?? [];
  box.state.active = -1;
  draw(box, problem ?? (box.state.options.length ? null : "Nothing found"));
}

function draw(box, note) {
  const entry = (option, index) =>
    h(
      "li",
      {
        role: "option",
        id: `${box.list.id}-${index}`,
        class: index === box.state.active ? "active" : null,
        "aria-selected": index === box.state.active ? "true" : "false",
        data: { value: option.value },
        on: {
          mousedown: (event) => {
            event.preventDefault();
            choose(box, option);
          },
        },
      },
      withEmoji(option.text?.text),
    );
  box.list.replaceChildren(...(note ? [h("li", { class: "note" }, note)] : box.state.options.map(entry)));
  box.list.hidden = false;
  box.input.setAttribute("aria-expanded", "true");
  if (box.state.active < 0) box.input.removeAttribute("aria-activedescendant");
  else box.input.setAttribute("aria-activedescendant", `${box.list.id}-${box.state.active}`);
}

function close(box) {
  box.list.hidden = true;
  box.input.setAttribute("aria-expanded", "false");
}

function onKey(box, event) {
  const { options, active } = box.state;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (box.list.hidden) return suggest(box);
    const step = event.key === "ArrowDown" ? 1 : -1;
    box.state.active = (active + step + options.length) % Math.max(options.length, 1);
    draw(box, options.length ? null : "Nothing found");
  } else if (event.key === "Enter" && !box.list.hidden) {
    event.preventDefault();
    if (options[active]) choose(box, options[active]);
  } else if (event.key === "Escape" && !box.list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    close(box);
  } else if (event.key === "Backspace" && box.multiple && !box.input.value) {
    box.state.chosen.pop();
    tell(box);
  }
}

function choose(box, option) {
  const others = box.multiple ? box.state.chosen.filter((one) => one.value !== option.value) : [];
  box.state.chosen = [...others, option];
  box.place.remember(box.block, box.item, option);
  close(box);
  tell(box);
}

function tell(box) {
  showChosen(box);
  const values = box.state.chosen.map((option) => option.value);
  box.changed(box.multiple ? values : (values[0] ?? null), box.input);
}

function showChosen(box) {
  if (!box.multiple) {
    box.input.value = box.state.chosen[0]?.text.text ?? "";
    return;
  }
  box.input.value = "";
  const remove = (option) => () => {
    box.state.chosen = box.state.chosen.filter((one) => one !== option);
    tell(box);
  };
  box.chips.replaceChildren(
    ...box.state.chosen.map((option) =>
      h(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-label": `Remove ${option.text.text}`,
          on: { click: remove(option) },
        },
        withEmoji(option.text.text),
        " ×",
      ),
    ),
  );
}
