// Renders one message. A part is rebuilt only when its content has changed, so that a playing video, a focused button
// or an opened spoiler survives the bot's edits.
import { avatar, el, icon } from "../ui/dom.js";
import { renderComponents, formatEmoji } from "./components.js";
import { renderEmbed, listUnembedded, patchAttachments } from "./media.js";
import { markdown } from "./markdown.js";
import { formatDay, formatMessageTime, formatTime } from "../ui/time.js";

/** Remove signatures from URLs: they change with every load, but the file is the same. */
const stripSignatures = (text) => text.replace(/\?ex=[^"\\\s)]*/g, "");

/** Messages of one author within this time are grouped under one name. */
const GROUPING_MS = 7 * 60_000;

/** The list item of one message, updated as the message changes. */
export class MessageView {
  #seen = new Map();

  /** `app` has store, context, press(message, component, values), react(message, emoji), menu(message, place). */
  constructor(app) {
    this.app = app;
    const slot = (name, tag = "div") => (this[name] = el(tag, { class: name }));
    const body = el("div", { class: "body" }, slot("head"), slot("content"), slot("attachments"));
    body.append(slot("embeds"), slot("components"), slot("failure", "p"), slot("reactions"), slot("private", "p"));
    this.failure.setAttribute("role", "alert");
    const tools = el("div", { class: "tools" }, this.#toolButton());
    this.row = el("div", { class: "row" }, slot("gutter"), body, tools);
    this.node = el("li", { class: "message", tabindex: -1 }, slot("day"), slot("origin"), this.row);
    this.node.addEventListener("contextmenu", (event) => this.#menu(event));
  }

  /** Show `message`; `before` is the one above it, or undefined. */
  update(message, before) {
    this.message = message;
    const { store } = this.app;
    this.node.dataset.messageId = message.id;
    this.#flags(message, before);
    this.#part("day", formatDay(message.timestamp), () => this.#day(message, before), before?.id);
    this.#part("origin", message.interaction, () => this.#origin(message));
    this.#part("gutter", [message.author, message.timestamp], () => this.#gutter(message));
    this.#part("head", [message.author, message.timestamp], () => this.#head(message));
    const shown = forwarded(message) ?? message;
    this.#part("content", [shown.content, message.loading, message.edited_timestamp], () =>
      this.#content(message, shown),
    );
    patchAttachments(this.attachments, listUnembedded(shown));
    this.#part("embeds", [shown.embeds, shown.attachments?.map(({ id }) => id)], () =>
      (shown.embeds ?? []).map((one) => renderEmbed(one, shown, this.app.context)),
    );
    this.#components(message);
    this.#part("failure", store.getFailure(message.id), () => [store.getFailure(message.id)].filter(Boolean));
    this.#part("reactions", message.reactions, () => this.#reactions(message));
    this.#part("private", message.ephemeral, () => (message.ephemeral ? this.#private() : []));
  }

  #flags(message, before) {
    const grouped = isGrouped(message, before);
    const mine = message.mentions?.some(({ id }) => id === this.app.store.me?.id);
    this.node.classList.toggle("grouped", grouped);
    this.node.classList.toggle("is-forward", Boolean(forwarded(message)));
    this.node.classList.toggle("ephemeral", Boolean(message.ephemeral));
    this.node.classList.toggle("mentions-me", Boolean(mine));
    this.node.setAttribute("aria-label", `${this.app.store.resolveUser(message.author).name}, ${formatMessageTime(message.timestamp)}`);
  }

  #part(name, shown, make, more = "") {
    const signature = stripSignatures(JSON.stringify([shown ?? null, more]));
    if (this.#seen.get(name) === signature) return false;
    this.#seen.set(name, signature);
    const nodes = make();
    this[name].replaceChildren(...nodes);
    this[name].hidden = !nodes.length;
    return true;
  }

  #components(message) {
    const { store } = this.app;
    const pressed = listCustomIds(message.components).filter((id) => store.isPressed(message.id, id));
    const held = this.components.contains(document.activeElement) ? document.activeElement.dataset.customId : null;
    const changed = this.#part("components", [message.components, pressed], () => renderComponents(message, this.app));
    if (!changed || !held) return;
    const same = [...this.components.querySelectorAll("[data-custom-id]")].find(
      (node) => node.dataset.customId === held,
    );
    (same && !same.disabled ? same : this.node).focus({ preventScroll: true });
  }

  #day(message, before) {
    return before && formatDay(before.timestamp) === formatDay(message.timestamp) ? [] : [el("span", {}, formatDay(message.timestamp))];
  }

  #origin({ interaction }) {
    if (!interaction) return [];
    const face = this.app.store.resolveUser(interaction.user);
    const command = el("span", { class: "command" }, `/${interaction.name}`);
    return [el("span", { class: "spine" }), avatar(face, "tiny"), el("b", {}, face.name), " used ", command];
  }

  #gutter(message) {
    const face = this.app.store.resolveUser(message.author);
    return [avatar(face), el("time", { class: "small-time", datetime: message.timestamp }, formatTime(message.timestamp))];
  }

  #head(message) {
    const face = this.app.store.resolveUser(message.author);
    const tag = face.bot && el("span", { class: "app-tag" }, "APP");
    const badge = face.moderator && el("span", { class: "mod-tag", title: "Moderator" }, "MOD");
    const when = el("time", { datetime: message.timestamp }, formatMessageTime(message.timestamp));
    const kind = face.bot ? "of-bot" : face.moderator ? "of-moderator" : "";
    return [el("span", { class: `name ${kind}` }, face.name), tag, badge, when].filter(Boolean);
  }

  #content(message, shown) {
    if (message.loading) return [renderThinking(this.app.store.resolveUser(message.author).name)];
    const label = shown !== message && el("p", { class: "forwarded" }, icon("forward"), "Forwarded");
    const edited =
      message.edited_timestamp && el("span", { class: "edited", title: formatMessageTime(message.edited_timestamp) }, "(edited)");
    if (!shown.content) return [label, edited && !shown.embeds?.length && edited].filter(Boolean);
    const text = el("div", { class: "markdown" }, markdown(shown.content, this.app.context));
    const last = text.lastElementChild?.localName === "p" ? text.lastElementChild : text;
    if (edited) last.append(" ", edited);
    return [label, text].filter(Boolean);
  }

  #reactions(message) {
    return (message.reactions ?? []).map(({ emoji, count, me }) =>
      el(
        "button",
        {
          type: "button",
          class: `reaction ${me ? "mine" : ""}`,
          "aria-pressed": String(Boolean(me)),
          "aria-label": `${formatEmoji(emoji)}, ${count}`,
          onclick: () => this.app.react(this.message, emoji, Boolean(me)),
        },
        el("span", { class: "emoji" }, formatEmoji(emoji)),
        el("span", {}, String(count)),
      ),
    );
  }

  #private() {
    const dismiss = () => this.app.store.dismiss(this.message);
    return [
      icon("eye"),
      "Only you can see this • ",
      el("button", { type: "button", class: "text-link", onclick: dismiss }, "Dismiss message"),
    ];
  }

  #toolButton() {
    const onclick = (event) =>
      this.app.menu(this.message, event.currentTarget.getBoundingClientRect(), event.currentTarget);
    return el(
      "button",
      { type: "button", "aria-label": "More", "aria-haspopup": "menu", title: "More", onclick },
      icon("more"),
    );
  }

  #menu(event) {
    const over = event.target.closest("a, input, textarea, video");
    if (over && event.button === 2 && over.localName !== "video") return;
    event.preventDefault();
    const here =
      event.clientX || event.clientY
        ? new DOMRect(event.clientX, event.clientY, 0, 0)
        : this.node.getBoundingClientRect();
    this.app.menu(this.message, here, this.node);
  }
}

function isGrouped(message, before) {
  if (!before || message.interaction || message.type === 19) return false;
  const near = new Date(message.timestamp) - new Date(before.timestamp) < GROUPING_MS;
  const alike = message.author?.id === before.author?.id && Boolean(message.ephemeral) === Boolean(before.ephemeral);
  return near && alike && formatDay(message.timestamp) === formatDay(before.timestamp);
}

/** The forwarded content (Discord docs, Message Snapshot), or undefined. */
const forwarded = (message) => message.message_snapshots?.[0]?.message;

function listCustomIds(tree) {
  return (tree ?? [])
    .flatMap((one) => [one.custom_id, ...listCustomIds(one.components), ...listCustomIds(one.accessory && [one.accessory])])
    .filter(Boolean);
}

/** The placeholder of a deferred response. */
function renderThinking(name) {
  return el(
    "p",
    { class: "thinking", role: "status" },
    el("span", { class: "dots" }, el("i"), el("i"), el("i")),
    `${name} is thinking…`,
  );
}
