// The message list of the selected channel: order, scrolling, new-messages button, welcome and pending commands.
import { avatar, el, icon, enableArrowKeys } from "../ui/dom.js";
import { MessageView } from "./message.js";
import { compareIds } from "../state.js";

/** Distance from the end that counts as scrolled to the end. */
const END_MARGIN_PX = 60;

/** Keeps the page's message list in step with the store. */
export class MessageList {
  #views = new Map();
  #showing = "";
  #pinned = true;

  constructor(app) {
    this.app = app;
    this.scroller = document.getElementById("scroller");
    this.list = document.getElementById("messages");
    this.welcome = document.getElementById("welcome");
    this.under = document.getElementById("under-way");
    this.pill = document.getElementById("jump");
    const { store } = app;
    for (const name of ["state", "select"]) store.addEventListener(name, () => this.#sync());
    store.addEventListener("commands", () => this.#drawWelcome());
    store.addEventListener("message", ({ detail }) => this.#onMessage(detail));
    store.addEventListener("delete", ({ detail }) => detail.channel_id === store.channelId && this.#sync());
    store.addEventListener("mark", ({ detail }) => this.#onMark(detail.message_id));
    this.#watchScroll();
    enableArrowKeys(this.list, "li.message");
  }

  /** Scroll to message `id` of the selected channel and highlight it briefly. */
  reveal(id) {
    const node = this.#views.get(id)?.node;
    if (!node) return;
    this.#pinned = false;
    node.scrollIntoView({ block: "center" });
    node.classList.add("lit");
    node.focus({ preventScroll: true });
    setTimeout(() => node.classList.remove("lit"), 2000);
  }

  /** Show a pending command at the end until `ended` resolves with {ok, text}. */
  async pending(title, ended) {
    const { store } = this.app;
    const bot = store.bot?.user;
    const say = el(
      "p",
      { class: "thinking" },
      el("span", { class: "dots" }, el("i"), el("i"), el("i")),
      "Sending command…",
    );
    const head = el(
      "div",
      { class: "head" },
      el("span", { class: "name of-bot" }, bot?.name ?? "app"),
      el("span", { class: "app-tag" }, "APP"),
    );
    const origin = el(
      "div",
      { class: "origin" },
      el("span", { class: "spine" }),
      avatar(store.me, "tiny"),
      el("b", {}, store.me.name),
      " used ",
      el("span", { class: "command" }, title),
    );
    const body = el("div", { class: "body" }, head, say);
    const item = el(
      "li",
      { class: "message waiting" },
      origin,
      el("div", { class: "row" }, el("div", { class: "gutter" }, avatar(bot)), body),
    );
    this.under.append(item);
    this.#scrollToEnd();
    const { ok, text } = await ended;
    if (ok) return item.remove();
    const dismiss = el(
      "button",
      { type: "button", class: "text-link", onclick: () => item.remove() },
      "Dismiss message",
    );
    say.replaceWith(
      el("p", { class: "failure", role: "alert" }, text),
      el("p", { class: "private" }, icon("eye"), "Only you can see this • ", dismiss),
    );
    item.classList.add("ephemeral");
    if (this.#pinned) this.#scrollToEnd();
    return undefined;
  }

  #sync() {
    const { store } = this.app;
    const showing = `${store.me?.id} ${store.channelId}`;
    const moved = showing !== this.#showing;
    if (moved) {
      this.#views.clear();
      this.list.replaceChildren();
      this.under.replaceChildren();
      this.#showing = showing;
    }
    const messages = store.list(store.channelId);
    const wanted = new Set(messages.map(({ id }) => id));
    for (const [id, view] of this.#views) {
      if (wanted.has(id)) continue;
      view.node.remove();
      this.#views.delete(id);
    }
    messages.forEach((message, at) => this.#show(message, messages[at - 1]));
    this.#drawWelcome();
    if (moved) this.#pinned = true;
    if (this.#pinned) this.#scrollToEnd();
  }

  #onMessage({ message, fresh }) {
    const { store } = this.app;
    if (message.channel_id !== store.channelId) return;
    const messages = store.list(store.channelId);
    const at = messages.findIndex(({ id }) => id === message.id);
    this.#show(message, messages[at - 1]);
    if (messages[at + 1]) this.#show(messages[at + 1], message);
    if (this.#pinned || (fresh && message.author?.id === store.me?.id)) this.#scrollToEnd();
    else if (fresh) this.pill.hidden = false;
  }

  #onMark(id) {
    const view = this.#views.get(id);
    const messages = this.app.store.list(this.app.store.channelId);
    const at = messages.findIndex((one) => one.id === id);
    if (view && at >= 0) view.update(messages[at], messages[at - 1]);
    if (this.#pinned) this.#scrollToEnd();
  }

  #show(message, before) {
    let view = this.#views.get(message.id);
    if (!view) {
      view = new MessageView(this.app);
      view.update(message, before);
      this.#views.set(message.id, view);
      const after = [...this.list.children].find((node) => compareIds(node.dataset.messageId, message.id) > 0);
      this.list.insertBefore(view.node, after ?? null);
      this.#setTabStop();
    } else {
      view.update(message, before);
    }
  }

  /** Make the newest message the tab stop; arrow keys move from there. */
  #setTabStop() {
    const nodes = [...this.list.children];
    nodes.forEach((node) => (node.tabIndex = node === nodes.at(-1) ? 0 : -1));
  }

  #drawWelcome() {
    const { store } = this.app;
    const channel = store.channel(store.channelId);
    this.welcome.replaceChildren();
    if (!channel) return;
    const title = channel.dm ? channel.name : `Welcome to #${channel.name}`;
    const extend = store.commands.find(({ name, type }) => name === "extend" && (type ?? 1) === 1);
    const instructions = extend
      ? ["Type ", el("kbd", {}, `/${extend.label}`), ", pick a sample clip, and write what should happen next."]
      : ["The bot has not registered its commands yet. They appear here once it is running."];
    const start =
      extend &&
      el(
        "button",
        {
          type: "button",
          class: "button primary",
          "data-testid": "start-extend",
          onclick: () => this.app.start("extend"),
        },
        `Try /${extend.label}`,
      );
    const face = channel.dm ? avatar(store.bot?.user, "huge") : el("span", { class: "welcome-mark" }, icon("hash"));
    const topic = channel.topic && el("p", { class: "topic-line" }, channel.topic);
    this.welcome.append(
      face,
      el("h2", {}, title),
      ...[topic].filter(Boolean),
      el("p", {}, instructions),
      ...[start].filter(Boolean),
    );
  }

  #watchScroll() {
    this.scroller.addEventListener(
      "scroll",
      () => {
        const { scrollTop, scrollHeight, clientHeight } = this.scroller;
        this.#pinned = scrollHeight - scrollTop - clientHeight < END_MARGIN_PX;
        if (this.#pinned) this.pill.hidden = true;
      },
      { passive: true },
    );
    this.pill.addEventListener("click", () => this.#scrollToEnd());
    // Images and videos grow when they load, and the composer resizes the list; keep the end in view.
    const grown = new ResizeObserver(() => this.#pinned && this.#scrollToEnd());
    [this.scroller, this.list, this.under].forEach((node) => grown.observe(node));
  }

  #scrollToEnd() {
    this.#pinned = true;
    this.pill.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
