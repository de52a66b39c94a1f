// What can be pressed under a message: buttons, selects, and the plain parts of components v2.
import { avatar, el, icon, link } from "../ui/dom.js";
import { Dropdown } from "../ui/dropdown.js";
import { markdown } from "./markdown.js";

const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };

/** The nodes of a message's component tree. `app` has the store and press(message, component, values). */
export function components(message, app) {
  return (message.components ?? []).map((one) => component(one, message, app)).filter(Boolean);
}

function component(one, message, app) {
  const inside = () => (one.components ?? []).map((child) => component(child, message, app)).filter(Boolean);
  switch (one.type) {
    case 1:
      return el("div", { class: "action-row" }, inside());
    case 2:
      return button(one, message, app);
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return select(one, message, app);
    case 9:
      return el(
        "div",
        { class: "section" },
        el("div", {}, inside()),
        one.accessory && component(one.accessory, message, app),
      );
    case 10:
      return el("div", { class: "markdown" }, markdown(one.content, app.context));
    case 14:
      return el("hr");
    case 17:
      return el("div", { class: "container" }, inside());
    default:
      return null;
  }
}

/** What an emoji object shows: its character, or the name of a custom one. */
export const emojiText = (emoji) => (emoji?.id ? `:${emoji.name}:` : (emoji?.name ?? ""));

function button(one, message, app) {
  const style = BUTTON_STYLES[one.style] ?? "secondary";
  const emoji = one.emoji && el("span", { class: "emoji" }, emojiText(one.emoji));
  if (one.style === 5) {
    const node = link(one.url, emoji, one.label, icon("open"));
    node.className = "button link";
    return node;
  }
  const busy = app.store.pressed(message.id, one.custom_id);
  return el(
    "button",
    {
      type: "button",
      class: `button ${style} ${busy ? "busy" : ""}`,
      disabled: Boolean(one.disabled),
      "aria-busy": String(busy),
      dataset: { customId: one.custom_id },
      onclick: (event) => !event.currentTarget.classList.contains("busy") && app.press(message, one),
    },
    el("span", { class: "face" }, emoji, one.label),
    busy && el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
  );
}

const PLACEHOLDERS = {
  3: "Make a selection",
  5: "Select a user",
  6: "Select a role",
  7: "Select a user or role",
  8: "Select a channel",
};

/** The things a select offers: {label, value, detail, lead}. */
export function choices(one, store) {
  const users = () =>
    [...store.users.values()].map((user) => ({ label: user.name, value: user.id, lead: avatar(user, "small") }));
  const roles = () => store.roles.map((role) => ({ label: `@${role.name}`, value: role.id }));
  const fits = (channel) => !channel.dm && (!one.channel_types?.length || one.channel_types.includes(channel.type));
  const channels = () =>
    store.channels.filter(fits).map((channel) => ({ label: channel.name, value: channel.id, lead: icon("hash") }));
  const strings = () =>
    (one.options ?? []).map(({ label, value, description, emoji }) => ({
      label,
      value,
      detail: description,
      lead: emoji && emojiText(emoji),
    }));
  return { 3: strings, 5: users, 6: roles, 7: () => [...users(), ...roles()], 8: channels }[one.type]();
}

/** The values that a select starts with (string selects mark options; the others list default_values). */
export const initial = (one) =>
  one.type === 3
    ? (one.options ?? []).filter((option) => option.default).map(({ value }) => value)
    : (one.default_values ?? []).map(({ id }) => id);

function select(one, message, app) {
  const chosen = initial(one);
  const all = choices(one, app.store);
  const names = all.filter(({ value }) => chosen.includes(value)).map(({ label }) => label);
  const busy = app.store.pressed(message.id, one.custom_id);
  let open = null;
  const text = names.join(", ") || one.placeholder || PLACEHOLDERS[one.type];
  const node = el(
    "button",
    {
      type: "button",
      role: "combobox",
      class: `select ${names.length ? "filled" : ""} ${busy ? "busy" : ""}`,
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-label": one.placeholder ?? PLACEHOLDERS[one.type],
      disabled: Boolean(one.disabled),
      dataset: { customId: one.custom_id },
      onclick: () => {
        if (open?.alive) open.close(true);
        else open = new Dropdown(node, one, all, chosen, (values) => app.press(message, one, values));
      },
    },
    el("span", { class: "face" }, text),
    busy ? el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")) : icon("down"),
  );
  return node;
}
