// A keyboard-driven listbox, used above the composer and for the select menus of messages.
import { el, flatten } from "./dom.js";

/**
 * A listbox whose focus stays in another element (`owner`), as the ARIA combobox pattern has it. An item is
 * {label, detail?, lead?, hint?, dataset?, selected?, value}; a string among the items is a heading.
 */
export class Listbox {
  #items = [];
  #options = [];
  #at = -1;

  constructor(root, label) {
    this.id = `listbox-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    this.root = root;
    this.list = el("ul", { role: "listbox", id: this.id, "aria-label": label, class: "options" });
    root.append(this.list);
    root.hidden = true;
    // Pressing an item must not take the focus away from the field that owns the list.
    root.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get open() {
    return !this.root.hidden;
  }

  /** Show `items`; `pick(item)` is called with the chosen one. `empty` is shown if there are none. */
  show(owner, items, pick, { label, empty = "Nothing matches.", multiple = false, active = 0 } = {}) {
    if (this.owner && this.owner !== owner) this.#release();
    Object.assign(this, { owner, pick });
    if (label) this.list.setAttribute("aria-label", label);
    this.list.toggleAttribute("aria-multiselectable", multiple);
    this.#items = items.filter((item) => typeof item !== "string");
    this.#options = [];
    const rows = items.map((item) => (typeof item === "string" ? heading(item) : this.#option(item)));
    this.list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none", role: "presentation" }, empty)]));
    this.root.hidden = false;
    owner.setAttribute("aria-expanded", "true");
    owner.setAttribute("aria-controls", this.id);
    this.#activate(Math.min(active, this.#items.length - 1));
  }

  hide() {
    if (!this.open) return;
    this.root.hidden = true;
    this.#release();
    this.#items = [];
    this.#at = -1;
  }

  /** Handle a key press in the owner; returns whether it was handled. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.#items.length;
    if (event.key === "Escape") this.hide();
    else if (step && count) this.#activate((this.#at + step + count) % count);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && count) this.#choose(this.#at);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #release() {
    this.owner?.setAttribute("aria-expanded", "false");
    this.owner?.removeAttribute("aria-activedescendant");
    this.owner = null;
  }

  #option(item) {
    const index = this.#options.length;
    const texts = el(
      "span",
      { class: "texts" },
      el("span", { class: "label" }, item.label),
      item.detail && el("span", { class: "detail" }, item.detail),
    );
    const row = el(
      "li",
      {
        role: "option",
        id: `${this.id}-${index}`,
        dataset: item.dataset ?? {},
        "aria-selected": String(Boolean(item.selected)),
        onclick: () => this.#choose(index),
        onmousemove: () => this.#at !== index && this.#activate(index, false),
      },
      flatten([item.lead]),
      texts,
      flatten([item.hint]),
    );
    this.#options.push(row);
    return row;
  }

  #activate(index, scroll = true) {
    this.#options[this.#at]?.classList.remove("active");
    this.#at = index;
    const row = this.#options[index];
    row?.classList.add("active");
    if (row) this.owner?.setAttribute("aria-activedescendant", row.id);
    if (scroll) row?.scrollIntoView({ block: "nearest" });
  }

  #choose(index) {
    const item = this.#items[index];
    if (item) this.pick(item);
  }
}

const heading = (text) => el("li", { class: "heading", role: "presentation" }, text);

/** Position `box` below or above `anchor`, entirely inside the window. */
export function place(box, anchor, { width } = {}) {
  const edge = 8;
  const from = anchor.getBoundingClientRect();
  if (width) box.style.width = `${Math.min(from.width, innerWidth - 2 * edge)}px`;
  const size = box.getBoundingClientRect();
  const below = from.bottom + 4;
  const above = from.top - size.height - 4;
  const top = below + size.height > innerHeight - edge && above > edge ? above : below;
  box.style.left = `${clamp(from.left, edge, innerWidth - size.width - edge)}px`;
  box.style.top = `${clamp(top, edge, innerHeight - size.height - edge)}px`;
}

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));
