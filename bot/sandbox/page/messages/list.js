// The message list of the chosen channel: order, scrolling, unread pill, welcome, and commands under way.
import { avatar, el, icon, rove } from "../ui/dom.js";
import { MessageView } from "./message.js";
import { older } from "../state.js";

/** This near to the end (px) counts as being there. */
const AT_END = 60;

/** Keeps the `ol` (role log) of the page true to the store. */
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
    store.addEventListener("commands", () => this.#greet());
    store.addEventListener("message", ({ detail }) => this.#changed(detail));
    store.addEventListener("delete", ({ detail }) => detail.channel_id === store.channelId && this.#sync());
    store.addEventListener("mark", ({ detail }) => this.#marked(detail.message_id));
    this.#watchScroll();
    rove(this.list, "li.message");
  }

  /** Show message `id` of the channel that is on the screen, lit for a moment. */
  reveal(id) {
    const node = this.#views.get(id)?.node;
    if (!node) return;
    this.#pinned = false;
    node.scrollIntoView({ block: "center" });
    node.classList.add("lit");
    node.focus({ preventScroll: true });
    setTimeout(() => node.classList.remove("lit"), 2000);
  }

  /** A line at the end that says what was sent, until `ended` resolves with {ok, text}. */
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
    this.#toEnd();
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
    if (this.#pinned) this.#toEnd();
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
    this.#greet();
    if (moved) this.#pinned = true;
    if (this.#pinned) this.#toEnd();
  }

  #changed({ message, fresh }) {
    const { store } = this.app;
    if (message.channel_id !== store.channelId) return;
    const messages = store.list(store.channelId);
    const at = messages.findIndex(({ id }) => id === message.id);
    this.#show(message, messages[at - 1]);
    if (messages[at + 1]) this.#show(messages[at + 1], message);
    if (this.#pinned || (fresh && message.author?.id === store.me?.id)) this.#toEnd();
    else if (fresh) this.pill.hidden = false;
  }

  #marked(id) {
    const view = this.#views.get(id);
    const messages = this.app.store.list(this.app.store.channelId);
    const at = messages.findIndex((one) => one.id === id);
    if (view && at >= 0) view.update(messages[at], messages[at - 1]);
    if (this.#pinned) this.#toEnd();
  }

  #show(message, before) {
    let view = this.#views.get(message.id);
    if (!view) {
      view = new MessageView(this.app);
      view.update(message, before);
      this.#views.set(message.id, view);
      const after = [...this.list.children].find((node) => older(node.dataset.messageId, message.id) > 0);
      this.list.insertBefore(view.node, after ?? null);
      this.#oneTabStop();
    } else {
      view.update(message, before);
    }
  }

  /** Tab reaches the newest message; the arrow keys walk on from there. */
  #oneTabStop() {
    const nodes = [...this.list.children];
    nodes.forEach((node) => (node.tabIndex = node === nodes.at(-1) ? 0 : -1));
  }

  #greet() {
    const { store } = this.app;
    const channel = store.channel(store.channelId);
    this.welcome.replaceChildren();
    if (!channel) return;
    const title = channel.dm ? channel.name : `Welcome to #${channel.name}`;
    const extend = store.commands.find(({ name, type }) => name === "extend" && (type ?? 1) === 1);
    const tell = extend
      ? ["Type ", el("kbd", {}, `/${extend.label}`), ", pick a sample clip, and write what should happen next."]
      : ["The bot has not registered its commands yet. They appear here as soon as it runs."];
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
      el("p", {}, tell),
      ...[start].filter(Boolean),
    );
  }

  #watchScroll() {
    this.scroller.addEventListener(
      "scroll",
      () => {
        const { scrollTop, scrollHeight, clientHeight } = this.scroller;
        this.#pinned = scrollHeight - scrollTop - clientHeight < AT_END;
        if (this.#pinned) this.pill.hidden = true;
      },
      { passive: true },
    );
    this.pill.addEventListener("click", () => this.#toEnd());
    // Pictures and videos grow when they load, and the composer takes room from the list; the end stays in sight.
    const grown = new ResizeObserver(() => this.#pinned && this.#toEnd());
    [this.scroller, this.list, this.under].forEach((node) => grown.observe(node));
  }

  #toEnd() {
    this.#pinned = true;
    this.pill.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
