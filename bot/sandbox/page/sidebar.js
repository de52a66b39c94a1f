// The left sidebar: channels and members. Drawers: how both sidebars open and close.
import { avatar, el, icon, enableArrowKeys } from "./ui/dom.js";
import { listLocales, getLanguageName } from "./ui/locale.js";

/** Draws channels, unread dots and the people switcher. `app` has store, direct() and actAs(user id). */
export class Sidebar {
  constructor(app) {
    this.app = app;
    for (const id of ["channels", "people", "guild-name", "channel-name", "channel-topic", "channel-mark", "locale"])
      this[id] = document.getElementById(id);
    for (const name of ["state", "select", "unread", "channels", "bot", "commands"])
      app.store.addEventListener(name, () => this.#draw());
    enableArrowKeys(this.channels, "[data-channel]");
    enableArrowKeys(this.people, "[data-user]", { horizontal: true });
    this.locale.addEventListener("change", () => app.setLocale(this.locale.value));
  }

  #draw() {
    const { store } = this.app;
    this["guild-name"].textContent = store.guild?.name ?? "";
    const topLevel = store.channels.filter(({ dm, parent_id: parent }) => !dm && !parent);
    const serverChannels = topLevel.flatMap((top) => [top, ...store.channels.filter(({ parent_id: parent }) => parent === top.id)]);
    const direct = store.channels.filter(({ dm }) => dm);
    const held = this.channels.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const directChannels = direct.length ? direct : [{ id: "", name: store.bot?.user?.name ?? "bot", dm: true }];
    this.channels.replaceChildren(...this.#group("Text channels", serverChannels), ...this.#group("Direct messages", directChannels));
    if (held) this.channels.querySelector(`[data-id="${CSS.escape(held)}"]`)?.focus();
    this.#drawPeople();
    this.#drawLocale();
    this.#drawHead();
  }

  #group(title, channels) {
    return channels.length ? [el("h2", {}, title), ...channels.map((channel) => this.#channel(channel))] : [];
  }

  #channel(channel) {
    const { store } = this.app;
    const here = channel.id === store.channelId;
    const unread = store.unread.has(channel.id);
    const online =
      channel.dm &&
      el("span", {
        class: `presence ${store.bot?.online ? "online" : ""}`,
        title: store.bot?.online ? "online" : "offline",
      });
    return el(
      "button",
      {
        type: "button",
        class: `channel ${unread ? "unread" : ""} ${channel.parent_id ? "thread" : ""}`,
        "aria-current": here ? "page" : null,
        "aria-label": `${channel.dm ? "" : "#"}${channel.name}${unread ? ", unread" : ""}`,
        tabindex: here ? 0 : -1,
        dataset: { channel: channel.name, id: channel.id },
        onclick: () => (channel.id ? store.select(channel.id) : this.app.direct()),
      },
      channel.dm ? avatar(store.bot?.user, "small") : icon(getChannelIcon(channel)),
      el("span", { class: "channel-label" }, channel.name),
      online,
    );
  }

  #drawPeople() {
    const { store } = this.app;
    const held = this.people.contains(document.activeElement) ? document.activeElement.dataset.user : null;
    const people = [...store.users.values()].filter(({ bot }) => !bot);
    this.people.replaceChildren(...people.map((user) => this.#person(user)));
    if (held) this.people.querySelector(`[data-user="${CSS.escape(held)}"]`)?.focus();
  }

  #person(user) {
    const me = user.id === this.app.store.me?.id;
    return el(
      "button",
      {
        type: "button",
        class: "person",
        "aria-pressed": String(me),
        tabindex: me ? 0 : -1,
        dataset: { user: user.name },
        title: me ? `You are ${user.name}` : `Act as ${user.name}`,
        onclick: () => this.app.actAs(user.id),
      },
      avatar(user),
      el("span", { class: "person-name" }, user.name),
      el("span", { class: "person-role" }, user.moderator ? "moderator" : "member"),
    );
  }

  #drawLocale() {
    const { store } = this.app;
    const mine = store.me?.locale ?? "en-US";
    const known = [...new Set([...listLocales(store.commands), mine])];
    this.locale.replaceChildren(...known.map((value) => el("option", { value }, getLanguageName(value))));
    this.locale.value = mine;
  }

  #drawHead() {
    const { store } = this.app;
    const channel = store.channel(store.channelId);
    document.title = channel
      ? `${store.unread.size ? `(${store.unread.size}) ` : ""}${channel.dm ? "" : "#"}${channel.name} | ${store.guild?.name}`
      : "extend-bot sandbox";
    this["channel-name"].textContent = channel?.name ?? "";
    this["channel-topic"].textContent = channel?.topic ?? "";
    this["channel-mark"].replaceChildren(channel?.dm ? avatar(store.bot?.user, "small") : icon(channel ? getChannelIcon(channel) : "hash"));
  }
}

/** The icon name of a server channel; forums (type 15) and their posts have their own. */
function getChannelIcon(channel) {
  if (channel.parent_id) return "reply";
  if (channel.type === 15) return "forum";
  return channel.name === "moderators" ? "lock" : "hash";
}

/** The two sidebars. On a wide screen the panel can be hidden; on a narrow one both slide over the messages. */
export class Drawers {
  constructor() {
    this.shell = document.getElementById("shell");
    this.narrow = matchMedia("(max-width: 760px)");
    this.middle = matchMedia("(max-width: 1080px)");
    this.sides = { nav: document.getElementById("nav"), panel: document.getElementById("panel") };
    this.toggles = { nav: document.getElementById("open-nav"), panel: document.getElementById("toggle-panel") };
    for (const name of ["nav", "panel"]) this.toggles[name].addEventListener("click", () => this.toggle(name));
    document.getElementById("close-panel").addEventListener("click", () => this.set("panel", false));
    document.getElementById("scrim").addEventListener("click", () => this.closeAll());
    document.addEventListener(
      "keydown",
      (event) => event.key === "Escape" && !event.defaultPrevented && this.closeAll(),
    );
    for (const query of [this.narrow, this.middle]) query.addEventListener("change", () => this.#start());
    this.#start();
  }

  toggle(name) {
    this.set(name, !this.shell.classList.contains(`${name}-open`));
  }

  /** Open or close a sidebar; a drawer also takes and returns the focus. */
  set(name, open) {
    const over = this.#over(name);
    const held = this.sides[name].contains(document.activeElement);
    this.shell.classList.toggle(`${name}-open`, open);
    this.toggles[name].setAttribute("aria-expanded", String(open));
    this.sides[name].inert = !open && (over || name === "panel");
    const other = name === "nav" ? "panel" : "nav";
    if (open && over && this.#over(other)) this.set(other, false);
    if (open && over) this.sides[name].querySelector("button:not([disabled]):not([tabindex='-1'])")?.focus();
    else if (!open && held) this.toggles[name].focus();
    if (name === "panel" && !over) localStorage.setItem("panel", open ? "open" : "closed");
  }

  /** Close every drawer that covers the messages. */
  closeAll() {
    for (const name of ["nav", "panel"])
      if (this.#over(name) && this.shell.classList.contains(`${name}-open`)) this.set(name, false);
  }

  #over = (name) => (name === "nav" ? this.narrow.matches : this.middle.matches);

  #start() {
    const panel = !this.middle.matches && localStorage.getItem("panel") !== "closed";
    for (const [name, open] of [
      ["nav", !this.narrow.matches],
      ["panel", panel],
    ]) {
      this.shell.classList.toggle(`${name}-open`, open);
      this.toggles[name].setAttribute("aria-expanded", String(open));
      this.sides[name].inert = !open;
    }
  }
}
