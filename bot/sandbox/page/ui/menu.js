// The context menu of a message: reactions, the bot's message commands (Apps) and copying.
import { avatar, el, focusOnly, icon, toast } from "./dom.js";

const QUICK_REACTIONS = ["👍", "❤️", "😂", "🎬"];
const LONG_PRESS_MS = 500;

/** Shows one menu at a time. `app` has store, react(message, emoji), runCommand(body, title). */
export class MessageMenu {
  #box = null;
  #back = null;

  constructor(app) {
    this.app = app;
    document.addEventListener(
      "pointerdown",
      (event) => this.#box && !this.#box.contains(event.target) && this.close(),
      true,
    );
    addEventListener("resize", () => this.close());
    this.#longPress(document.getElementById("messages"));
  }

  /** Open at the rectangle `where` (window coordinates); the focus returns to `back`. */
  open(message, where, back) {
    this.close();
    this.#back = back;
    this.#box = this.#build(message);
    document.body.append(this.#box);
    this.#place(where);
    focusOnly(this.#items(this.#box), this.#box.querySelector("[role=menuitem]"));
  }

  close() {
    if (!this.#box) return;
    const inside = this.#box.contains(document.activeElement);
    this.#box.remove();
    this.#box = null;
    if (inside) this.#back?.focus({ preventScroll: true });
  }

  #build(message) {
    const react = (name) => this.#item(name, null, () => this.app.react(message, { id: null, name }, false), "quick");
    const address = this.#address(message);
    const box = el(
      "div",
      { class: "menu", role: "menu", "aria-label": "Message", onkeydown: (event) => this.#onKeyDown(event) },
      message.ephemeral
        ? null
        : el("div", { class: "quick-row", role: "group", "aria-label": "Add reaction" }, QUICK_REACTIONS.map(react)),
      message.ephemeral ? null : this.#item("Forward here", "forward", () => this.app.forward(message)),
      this.#apps(message),
      el("hr"),
      message.content && this.#item("Copy text", "copy", () => copy(message.content)),
      this.#item("Copy message link", "link", () => copy(address)),
      message.ephemeral && this.#item("Dismiss message", "eye", () => this.app.store.dismiss(message)),
    );
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    return box;
  }

  #item(label, drawing, run, className = "") {
    const onclick = () => {
      this.close();
      run();
    };
    return el(
      "button",
      { type: "button", role: "menuitem", tabindex: -1, class: className, onclick },
      el("span", {}, label),
      drawing && icon(drawing),
    );
  }

  #apps(message) {
    const { store } = this.app;
    const commands = store.commands.filter(({ type }) => type === 3);
    const run = (command) => {
      const body = {
        channel_id: message.channel_id,
        command_id: command.id,
        type: 3,
        options: [],
        target_id: message.id,
      };
      this.app.runCommand(body, command.label);
    };
    const items = commands.map((command) => {
      const node = this.#item(command.label, null, () => run(command));
      node.dataset.command = command.name;
      node.prepend(avatar(store.bot?.user, "small"));
      return node;
    });
    const list = el(
      "div",
      { class: "submenu", role: "menu", "aria-label": "Apps", hidden: true },
      items.length ? items : el("p", {}, "No apps here."),
    );
    const opener = el(
      "button",
      { type: "button", role: "menuitem", tabindex: -1, "aria-haspopup": "menu", "aria-expanded": "false" },
      el("span", {}, "Apps"),
      icon("chevron"),
    );
    const group = el("div", { class: "group" }, opener, list);
    opener.addEventListener("click", () => this.#unfold(opener, list, true));
    group.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.#unfold(opener, list));
    group.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.#fold(opener, list));
    return group;
  }

  #unfold(opener, list, focus = false) {
    list.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    list.classList.remove("to-left");
    if (list.getBoundingClientRect().right > innerWidth - 8) list.classList.add("to-left");
    const low = list.getBoundingClientRect().bottom - innerHeight + 8;
    list.style.setProperty("--lift", `${Math.max(0, low)}px`);
    if (focus) list.querySelector("[role=menuitem]")?.focus();
  }

  #fold(opener, list) {
    if (list.contains(document.activeElement)) opener.focus();
    list.hidden = true;
    opener.setAttribute("aria-expanded", "false");
  }

  #onKeyDown(event) {
    const here = event.target.closest("[role=menuitem]");
    const sub = here?.closest(".submenu");
    const items = this.#items(sub ?? this.#box);
    const at = items.indexOf(here);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const opener = sub?.previousElementSibling;
    if (step) focusOnly(items, items[(at + step + items.length) % items.length]);
    else if (event.key === "Home" || event.key === "End") focusOnly(items, items.at(event.key === "Home" ? 0 : -1));
    else if (event.key === "ArrowRight") this.#moveRight(here, items, at);
    else if (event.key === "ArrowLeft" || (event.key === "Escape" && opener)) this.#moveLeft(here, items, at, opener);
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #moveRight(here, items, at) {
    if (here?.getAttribute("aria-haspopup")) this.#unfold(here, here.nextElementSibling, true);
    else if (here?.classList.contains("quick")) items[at + 1]?.focus();
  }

  #moveLeft(here, items, at, opener) {
    if (opener) {
      opener.focus();
      this.#fold(opener, opener.nextElementSibling);
    } else if (here?.classList.contains("quick")) items[at - 1]?.focus();
  }

  /** The visible menu items of `root`; those of a closed submenu are not included. */
  #items(root) {
    const own = (node) => node.closest(".submenu") === (root.classList.contains("submenu") ? root : null);
    return [...root.querySelectorAll("[role=menuitem]")].filter(own);
  }

  #place(where) {
    const size = this.#box.getBoundingClientRect();
    const left = where.width ? where.right - size.width : where.left;
    this.#box.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
    this.#box.style.top = `${Math.max(8, Math.min(where.bottom, innerHeight - size.height - 8))}px`;
  }

  /** Discord's link to the message, which /extend accepts as its `link` option. */
  #address(message) {
    const { store } = this.app;
    const guild = store.channel(message.channel_id)?.dm ? "@me" : store.guild?.id;
    return `https://discord.com/channels/${guild}/${message.channel_id}/${message.id}`;
  }

  /** Open the menu on a long press: some phones send no contextmenu event. */
  #longPress(list) {
    let timer = 0;
    const stop = () => clearTimeout(timer);
    list.addEventListener("pointerdown", (event) => {
      stop();
      const node = event.target.closest("li.message");
      if (event.pointerType === "mouse" || !node || event.target.closest("button, a")) return;
      const { clientX, clientY } = event;
      timer = setTimeout(() => this.#box || this.#held(node, clientX, clientY), LONG_PRESS_MS);
    });
    for (const name of ["pointermove", "pointerup", "pointercancel", "scroll"]) {
      list.addEventListener(
        name,
        (event) => (name === "pointermove" && Math.hypot(event.movementX, event.movementY) < 3) || stop(),
        { passive: true },
      );
    }
  }

  #held(node, x, y) {
    const message = this.app.store.message(this.app.store.channelId, node.dataset.messageId);
    if (message) this.open(message, new DOMRect(x, y, 0, 0), node);
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    // Without the permission (or on a plain-http address) the text is shown, ready to be copied by hand.
    prompt("Copy this:", text);
  }
}
