// Message components: buttons, selects, and the text and layout parts of components v2.
import { avatar, el, icon, link } from "../ui/dom.js";
import { Dropdown } from "../ui/dropdown.js";
import { markdown } from "./markdown.js";

const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };

/** The nodes of a message's component tree. `app` has the store and press(message, component, values). */
export function renderComponents(message, app) {
  return (message.components ?? []).map((one) => renderComponent(one, message, app)).filter(Boolean);
}

function renderComponent(one, message, app) {
  const inside = () => (one.components ?? []).map((child) => renderComponent(child, message, app)).filter(Boolean);
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
        one.accessory && renderComponent(one.accessory, message, app),
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

/** The character of an emoji object, or the name of a custom emoji. */
export const formatEmoji = (emoji) => (emoji?.id ? `:${emoji.name}:` : (emoji?.name ?? ""));

function button(one, message, app) {
  const style = BUTTON_STYLES[one.style] ?? "secondary";
  const emoji = one.emoji && el("span", { class: "emoji" }, formatEmoji(one.emoji));
  if (one.style === 5) {
    const node = link(one.url, emoji, one.label, icon("open"));
    node.className = "button link";
    return node;
  }
  const busy = app.store.isPressed(message.id, one.custom_id);
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

/** The options of a select: {label, value, detail, lead}. */
export function listChoices(one, store) {
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
      lead: emoji && formatEmoji(emoji),
    }));
  return { 3: strings, 5: users, 6: roles, 7: () => [...users(), ...roles()], 8: channels }[one.type]();
}

/** The preselected values (string selects mark options; others list default_values). */
export const getInitialValues = (one) =>
  one.type === 3
    ? (one.options ?? []).filter((option) => option.default).map(({ value }) => value)
    : (one.default_values ?? []).map(({ id }) => id);

function select(one, message, app) {
  const chosen = getInitialValues(one);
  const all = listChoices(one, app.store);
  const names = all.filter(({ value }) => chosen.includes(value)).map(({ label }) => label);
  const busy = app.store.isPressed(message.id, one.custom_id);
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
