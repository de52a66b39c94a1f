// The fields of a command, one class per kind of input (Discord docs, Application Command Option Type).
import { listChoices } from "../messages/components.js";
import { debounce, el, icon } from "../ui/dom.js";
import { Staged, stageSample } from "./attachments.js";

/** Base class of the fields: a pill with the option's name, an input, an error and `read()`. */
class Field {
  constructor(option, control) {
    Object.assign(this, { option, control, error: "" });
    control.dataset.option = option.name;
    control.setAttribute("aria-label", option.label + (option.required ? "" : " (optional)"));
    control.addEventListener("input", () => this.fail(""));
    this.node = el("label", { class: "pill" }, el("span", { class: "pill-name" }, option.label), control);
  }

  get empty() {
    return this.control.value === "";
  }

  focus() {
    this.control.focus();
  }

  /** Mark the field as invalid with a sentence; "" removes the mark. */
  fail(text) {
    this.error = text;
    this.node.classList.toggle("invalid", Boolean(text));
    this.control.setAttribute("aria-invalid", String(Boolean(text)));
  }

  /** The value to send, or undefined; throws an Error with a sentence if it is invalid. */
  async read() {
    if (this.empty && this.option.required) throw new Error("This option is required. Specify a value.");
    return this.empty ? undefined : this.parse();
  }

  /** Called when the field is removed. */
  drop() {}
}

/** Free text and numbers. */
class TextField extends Field {
  constructor(option) {
    const number = option.type === 4 || option.type === 10;
    const control = el("textarea", { rows: 1, spellcheck: "false", autocomplete: "off", enterkeyhint: "send" });
    if (number) control.inputMode = option.type === 4 ? "numeric" : "decimal";
    super(option, control);
    if (!number) this.node.classList.add("wide");
  }

  parse() {
    return this.option.type === 3
      ? parseText(this.option, this.control.value)
      : parseNumber(this.option, this.control.value);
  }
}

/** A choice from a list. With autocomplete the bot supplies the list, and any text is accepted. */
class ChoiceField extends Field {
  #picked = null;
  #requests = 0;

  /** `form` has list (the shared Listbox), api, and focused(field): what autocomplete sends. */
  constructor(option, items, form) {
    super(
      option,
      el("input", {
        type: "text",
        role: "combobox",
        autocomplete: "off",
        "aria-autocomplete": "list",
        "aria-expanded": "false",
      }),
    );
    Object.assign(this, { items, form });
    const later = debounce(250, () => this.#fetchChoices());
    const offer = () => (option.autocomplete ? later() : this.#offer(this.items(), this.#query()));
    this.control.addEventListener("focus", offer);
    this.control.addEventListener("click", () => this.form.list.open || offer());
    this.control.addEventListener("input", () => {
      this.#picked = null;
      offer();
    });
    this.control.addEventListener("blur", () => this.form.list.owner === this.control && this.form.list.hide());
  }

  parse() {
    const text = this.control.value.trim();
    const same = ({ label }) => label.toLowerCase() === text.toLowerCase();
    const item = this.#picked ?? this.items().find(same);
    if (item) return item.value;
    if (!this.option.autocomplete) throw new Error("Choose one of the listed values.");
    return this.option.type === 3 ? parseText(this.option, text) : parseNumber(this.option, text);
  }

  /** The text typed so far; a picked value does not narrow the list. */
  #query = () => (this.#picked ? "" : this.control.value.trim().toLowerCase());

  #offer(items, query) {
    const matching = items.filter(({ label }) => label.toLowerCase().includes(query));
    this.form.list.show(this.control, matching, (item) => this.#pick(item), {
      label: this.option.label,
      empty: "No options match your search.",
    });
  }

  async #fetchChoices() {
    const request = ++this.#requests;
    const answer = await this.form.autocomplete(this).catch(() => ({ choices: [] }));
    if (request !== this.#requests || document.activeElement !== this.control) return;
    const offered = (answer.choices ?? []).map(({ name, value }) => ({ label: name, value }));
    this.#offer(offered, "");
  }

  #pick(item) {
    this.#picked = item;
    this.control.value = item.label;
    this.fail("");
    this.form.list.hide();
    this.form.next(this);
  }
}

/** A file or sample clip, uploaded as soon as it is chosen. */
class FileField extends Field {
  constructor(option, form) {
    const input = el("input", { type: "file", class: "visually-hidden" });
    super(option, input);
    Object.assign(this, { form, staged: null });
    this.text = el("span", { class: "pill-file" }, icon("upload"), "Choose a file");
    this.node.classList.add("file-pill");
    this.node.append(this.text);
    input.addEventListener("change", () => input.files[0] && this.take(input.files[0]));
  }

  get empty() {
    return !this.staged;
  }

  take(file) {
    this.#set(new Staged(this.form.api, file));
  }

  async takeSample(sample) {
    try {
      this.#set(await stageSample(this.form.api, sample));
    } catch (error) {
      this.fail(error.message);
      this.form.changed();
    }
  }

  #set(staged) {
    this.staged?.drop();
    this.staged = staged;
    this.text.replaceChildren(icon(staged ? "film" : "upload"), staged ? staged.file.name : "Choose a file");
    this.node.classList.toggle("filled", Boolean(staged));
    if (!staged) this.control.value = "";
    this.fail("");
    staged?.ready.catch((error) => {
      if (this.staged !== staged) return;
      this.fail(error.message);
      this.form.changed();
    });
    this.form.changed();
  }

  clear() {
    this.#set(null);
  }

  async parse() {
    return (await this.staged.ready).id;
  }

  drop() {
    this.staged?.drop();
  }
}

function parseText({ min_length: min = 0, max_length: max = 6000 }, text) {
  const length = [...text].length;
  if (length < min) throw new Error(`Must be at least ${min} characters; it has ${length}.`);
  if (length > max) throw new Error(`Must be at most ${max} characters; it has ${length}.`);
  return text;
}

function parseNumber({ type, min_value: min = -Infinity, max_value: max = Infinity }, text) {
  const number = Number(text.trim().replace(",", "."));
  const whole = type === 4;
  if (text.trim() === "" || !Number.isFinite(number)) throw new Error("This is not a number.");
  if (whole && !Number.isSafeInteger(number)) throw new Error("Must be a whole number.");
  if (number < min || number > max) throw new Error(describeRange(min, max));
  return number;
}

function describeRange(min, max) {
  if (max === Infinity) return `Must be ${min} or more.`;
  return min === -Infinity ? `Must be ${max} or less.` : `Must be between ${min} and ${max}.`;
}

/** By option type, the select type with the same choices. */
const SELECT_TYPES = { 6: 5, 7: 8, 8: 6, 9: 7 };

/** The field for `option`; `form` is the CommandForm that contains it. */
export function makeField(option, form) {
  if (option.type === 11) return new FileField(option, form);
  if (option.type === 5)
    return new ChoiceField(
      option,
      () => [
        { label: "True", value: true },
        { label: "False", value: false },
      ],
      form,
    );
  const like = SELECT_TYPES[option.type];
  if (like)
    return new ChoiceField(
      option,
      () => listChoices({ type: like, channel_types: option.channel_types }, form.store),
      form,
    );
  const fixed = (option.choices ?? []).map(({ label, value }) => ({ label, value }));
  return fixed.length || option.autocomplete ? new ChoiceField(option, () => fixed, form) : new TextField(option);
}
