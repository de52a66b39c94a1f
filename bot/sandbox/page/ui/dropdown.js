// The open list of a select menu.
import { el, icon } from "./dom.js";
import { Listbox, place } from "./listbox.js";

/** Opens on construction. A single value is sent when picked; several are sent when the list closes. */
export class Dropdown {
  alive = true;

  constructor(owner, one, all, start, send) {
    Object.assign(this, { owner, one, all, start, send, values: [...start], most: one.max_values ?? 1 });
    this.box = el("div", { class: "popover" });
    this.list = new Listbox(this.box, owner.getAttribute("aria-label"));
    document.body.append(this.box);
    this.#show(
      Math.max(
        0,
        all.findIndex(({ value }) => start.includes(value)),
      ),
    );
    place(this.box, owner, { width: true });
    owner.focus();
    owner.addEventListener("keydown", this.#onKey);
    document.addEventListener("pointerdown", this.#onOutside, true);
  }

  /** Close the list; `sending` says whether the selection is sent. */
  close(sending) {
    if (!this.alive) return;
    this.alive = false;
    this.list.hide();
    this.box.remove();
    this.owner.removeEventListener("keydown", this.#onKey);
    document.removeEventListener("pointerdown", this.#onOutside, true);
    const changed = this.most === 1 || this.values.join() !== this.start.join();
    if (sending && changed && this.values.length >= (this.one.min_values ?? 1)) this.send(this.values);
  }

  #pick = ({ value }) => {
    if (this.most === 1) {
      this.values = [value];
      this.close(true);
      return;
    }
    const others = this.values.filter((other) => other !== value);
    this.values = others.length < this.values.length ? others : [...others, value].slice(-this.most);
    this.#show(this.all.findIndex((item) => item.value === value));
  };

  #show(active) {
    const items = this.all.map((item) => {
      const selected = this.values.includes(item.value);
      return { ...item, selected, hint: selected && icon("check") };
    });
    const settings = { multiple: this.most > 1, active, empty: "Nothing to choose from." };
    this.list.show(this.owner, items, this.#pick, settings);
  }

  #onKey = (event) => {
    if (event.key === "Tab") this.close(this.most > 1);
    else if (this.list.key(event) && this.alive && !this.list.open) this.close(false);
  };

  #onOutside = (event) => {
    const within = this.box.contains(event.target) || this.owner.contains(event.target);
    if (!within) this.close(this.most > 1);
  };
}
