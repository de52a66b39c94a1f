// Slash commands: the list after "/", and the form of the chosen command.
import { avatar, el } from "../ui/dom.js";
import { makeField } from "./option_fields.js";
import { makeCard, makePicker } from "./attachments.js";

/** Every command that can be typed, subcommands apart: {command, path, name, label, description, options}. */
export function listCommandLines(commands, channel) {
  const context = channel?.dm ? 1 : 0;
  const here = ({ type = 1, contexts }) => type === 1 && (!contexts || contexts.includes(context));
  return commands.filter(here).flatMap((command) => expandSubcommands(command, command, [command]));
}

function expandSubcommands(command, node, path) {
  const deeper = (node.options ?? []).filter(({ type }) => type === 1 || type === 2);
  if (deeper.length) return deeper.flatMap((one) => expandSubcommands(command, one, [...path, one]));
  const [names, labels] = ["name", "label"].map((key) => path.map((each) => each[key]));
  const { description, options = [] } = node;
  return [{ command, path: names, name: names.join(" "), label: labels.join(" "), description, options }];
}

/** The commands that match the text after "/": prefix matches first, then other matches. */
export function filterCommands(all, typed) {
  const text = typed.trim().toLowerCase();
  const rank = ({ name, label, description }) => {
    if (name.startsWith(text) || label.startsWith(text)) return 0;
    if (name.includes(text) || label.includes(text)) return 1;
    return text && description?.toLowerCase().includes(text) ? 2 : 3;
  };
  return all.filter((line) => rank(line) < 3).sort((a, b) => rank(a) - rank(b));
}

/** The list item of a command. */
export function makeCommandItem(line, bot) {
  const options = line.options
    .filter(({ required }) => required)
    .map((option) => el("span", { class: "option-name" }, option.label));
  const label = el("span", {}, `/${line.label}`, options);
  const hint = el("span", { class: "hint" }, bot?.name ?? "");
  return { label, detail: line.description, lead: avatar(bot, "small"), hint, dataset: { command: line.name }, line };
}

/** Nest the options in their subcommand and group, as Discord sends them. */
function wrapOptions(path, options) {
  return path
    .slice(1)
    .reduceRight((inner, name, at) => [{ name, type: at === path.length - 2 ? 1 : 2, options: inner }], options);
}

/** The fields of one command in the composer's bar, with hint line and file tray above it. */
export class CommandForm {
  /** `places` = {bar, hint, tray}; `list` is the shared Listbox; `leave()` discards the command. */
  constructor(app, line, places, list, leave) {
    Object.assign(this, { app, line, places, list, leave, api: app.api, store: app.store, fields: [] });
    this.name = el("span", { class: "command-name" }, `/${line.label}`);
    this.more = el("button", {
      type: "button",
      class: "more-options",
      "data-testid": "more-options",
      onclick: () => this.#offerMore(),
    });
    this.more.addEventListener("keydown", (event) => this.#onMoreKeyDown(event));
    this.more.addEventListener("blur", () => list.owner === this.more && list.hide());
    line.options.filter(({ required }) => required).forEach((option) => this.#add(option));
    this.#layOut();
    (this.fields[0] ?? this.more).focus();
  }

  /** Give a dropped or pasted file to an empty file option. */
  takeFile(file) {
    this.#fileField()?.take(file);
  }

  /** The body of POST /client/command, or null if a field is invalid (the field shows why). */
  async read() {
    const options = [];
    let wrong = null;
    for (const field of this.fields) {
      try {
        const value = await field.read();
        field.fail("");
        if (value !== undefined) options.push({ name: field.option.name, type: field.option.type, value });
      } catch (error) {
        field.fail(error.message);
        wrong ??= field;
      }
    }
    if (wrong) {
      wrong.focus();
      this.#describe(wrong);
      return null;
    }
    return {
      channel_id: this.store.channelId,
      command_id: this.line.command.id,
      type: 1,
      options: wrapOptions(this.line.path, options),
    };
  }

  /** Request autocomplete choices: sends the values so far, with `focused` marked. */
  autocomplete(focused) {
    const given = this.fields.filter((field) => field === focused || (!field.empty && field.option.type !== 11));
    const options = given.map((field) => ({
      name: field.option.name,
      type: field.option.type,
      value: field.control.value,
      ...(field === focused && { focused: true }),
    }));
    return this.api.autocomplete({
      channel_id: this.store.channelId,
      command_id: this.line.command.id,
      options: wrapOptions(this.line.path, options),
    });
  }

  /** Focus the next empty field after a value was picked. */
  next(field) {
    const following = this.fields.slice(this.fields.indexOf(field) + 1).find(({ empty }) => empty);
    if (following) following.focus();
    else this.#describe(field);
  }

  /** Redraw after a file was added or removed; if the focused button is gone, focus the next empty field. */
  changed() {
    this.#layOut();
    if (document.activeElement === document.body) (this.fields.find(({ empty }) => empty) ?? this.fields[0])?.focus();
    this.#describe(this.#focused() ?? this.fields.find(({ error }) => error));
  }

  drop() {
    this.fields.forEach((field) => field.drop());
    this.list.hide();
    this.places.hint.replaceChildren();
    this.places.tray.replaceChildren();
    this.places.bar.replaceChildren();
  }

  #add(option) {
    const field = makeField(option, this);
    this.fields.push(field);
    field.node.addEventListener("focusin", () => this.#describe(field));
    field.node.addEventListener("input", () => this.#describe(field));
    field.node.addEventListener("keydown", (event) => this.#onKeyDown(event, field));
    return field;
  }

  #remove(field) {
    const at = this.fields.indexOf(field);
    field.drop();
    this.fields.splice(at, 1);
    this.#layOut();
    (this.fields[at - 1] ?? this.fields[0] ?? this.more).focus();
  }

  #onKeyDown(event, field) {
    if (event.key !== "Backspace" || !event.target.matches("input, textarea")) return;
    const typed = event.target.type !== "file" && event.target.value !== "";
    if (typed) return;
    event.preventDefault();
    if (!field.empty && field.option.type === 11) field.clear();
    else if (!field.option.required) this.#remove(field);
    else if (this.fields.every(({ empty }) => empty)) this.leave();
    else this.fields[this.fields.indexOf(field) - 1]?.focus();
  }

  #onMoreKeyDown(event) {
    if (this.list.key(event)) return;
    if (event.key !== "Backspace") return;
    event.preventDefault();
    if (this.fields.length) this.fields.at(-1).focus();
    else this.leave();
  }

  #listUnused() {
    const used = new Set(this.fields.map(({ option }) => option.name));
    return this.line.options.filter(({ name }) => !used.has(name));
  }

  #offerMore() {
    const items = this.#listUnused().map((option) => ({
      label: option.label,
      detail: option.description,
      dataset: { addOption: option.name },
      option,
    }));
    this.more.focus();
    this.list.show(this.more, items, ({ option }) => this.#take(option), { label: "Options" });
  }

  #take(option) {
    this.list.hide();
    const field = this.#add(option);
    this.#layOut();
    field.focus();
  }

  /** Place pills and tray. Nodes already in place are not moved, or they would lose the focus. */
  #layOut() {
    const { bar, tray } = this.places;
    const left = this.#listUnused().length;
    this.more.textContent = `+${left} more`;
    this.more.hidden = !left;
    const nodes = [this.name, ...this.fields.map(({ node }) => node), this.more];
    [...bar.children].filter((node) => !nodes.includes(node)).forEach((node) => node.remove());
    nodes.forEach((node, at) => bar.children[at] === node || bar.insertBefore(node, bar.children[at] ?? null));
    tray.replaceChildren(...this.#trayNodes());
  }

  #trayNodes() {
    const cards = this.fields.filter(({ staged }) => staged).map((field) => makeCard(field.staged, () => field.clear()));
    const wanted = this.line.options.find(
      ({ type, name }) => type === 11 && !this.fields.some((field) => field.option.name === name && field.staged),
    );
    if (!wanted) return cards;
    const field = () => this.#fileField(wanted.name);
    const pick = makePicker(cards.length ? [] : this.store.samples, {
      title: `${wanted.label}: ${wanted.description ?? "a file"}`,
      onFiles: ([file]) => field().take(file),
      onSample: (sample) => field().takeSample(sample),
    });
    return cards.length ? cards : [pick];
  }

  /** The field of file option `name` (or the first free one), added if it is missing. */
  #fileField(name) {
    const files = this.line.options.filter((option) => option.type === 11 && (!name || option.name === name));
    const there = this.fields.filter(({ option }) => files.includes(option));
    const free = there.find(({ empty }) => empty) ?? there[0];
    if (free || !files.length) return free;
    const back = this.#focused();
    const field = this.#add(files[0]);
    this.#layOut();
    back?.focus();
    return field;
  }

  #focused = () => this.fields.find(({ node }) => node.contains(document.activeElement));

  #describe(field) {
    const name = el("b", {}, field?.option.label ?? `/${this.line.label}`);
    const said = field?.option.description ?? this.line.description ?? "";
    const error = field?.error && el("span", { class: "wrong", role: "alert", id: "option-error" }, field.error);
    this.places.hint.replaceChildren(name, " ", el("span", {}, said), ...[error].filter(Boolean));
    field?.control.setAttribute("aria-describedby", error ? "option-error" : "hint");
  }
}
