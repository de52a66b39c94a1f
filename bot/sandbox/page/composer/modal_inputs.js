// The inputs of modals: each maker returns its node, check() (a sentence, or ""), and read() (its part of the submission).
import { el, icon } from "../ui/dom.js";
import { listChoices, getInitialValues } from "../messages/components.js";
import { Staged, stageSample } from "./attachments.js";

function makeTextInput(one) {
  const { min_length: min = 0, max_length: max = 4000, required = true } = one;
  const long = one.style === 2;
  const props = { placeholder: one.placeholder, autocomplete: "off", value: one.value ?? "", name: one.custom_id };
  const node = long ? el("textarea", { ...props, rows: 4 }) : el("input", { ...props, type: "text" });
  const check = () => {
    const length = [...node.value].length;
    if (!length) return required ? "This field is required." : "";
    if (length < min) return `Must be at least ${min} characters; it has ${length}.`;
    return length > max ? `Must be at most ${max} characters; it has ${length}.` : "";
  };
  return { node, check, read: () => ({ value: node.value }) };
}

/** A select of any kind. */
export function makeSelectInput(one, app) {
  const all = listChoices(one, app.store);
  const { min_values: min = 1, max_values: max = 1, required = true } = one;
  const chosen = getInitialValues(one);
  const multiple = max > 1;
  const first = !multiple && el("option", { value: "" }, one.placeholder ?? "Make a selection");
  const options = all.map(({ label, value }) => el("option", { value, selected: chosen.includes(value) }, label));
  const node = el(
    "select",
    { multiple, size: multiple ? Math.min(all.length, 5) : null, name: one.custom_id },
    first,
    options,
  );
  const values = () => [...node.selectedOptions].map(({ value }) => value).filter(Boolean);
  const check = () => {
    const count = values().length;
    if (!count && !required) return "";
    if (count < min) return min === 1 ? "Choose one." : `Choose at least ${min}.`;
    return count > max ? `Choose at most ${max}.` : "";
  };
  return { node, check, read: () => ({ values: values() }) };
}

/** One of several options, each with its own description. */
function makeRadioGroup(one) {
  const name = `radio-${one.custom_id}`;
  const options = one.options.map(({ label, value, description, default: chosen }) =>
    el(
      "label",
      { class: "modal-option" },
      el("input", { type: "radio", name, value, checked: Boolean(chosen) }),
      el("span", {}, label, description && el("span", { class: "description" }, description)),
    ),
  );
  const node = el("div", { class: "modal-options", role: "radiogroup" }, options);
  const value = () => node.querySelector("input:checked")?.value ?? null;
  const check = () => (value() === null && one.required !== false ? "Choose one." : "");
  return { node, check, grouped: true, focusable: node.querySelector("input"), read: () => ({ value: value() }) };
}

function makeCheckbox(one) {
  const node = el("input", { type: "checkbox", checked: Boolean(one.default), name: one.custom_id });
  return { node, check: () => "", read: () => ({ value: node.checked }) };
}

/** A file or a sample clip, uploaded as soon as it is chosen. */
function makeFileUpload(one, app) {
  const { min_values: min = 1, required = true } = one;
  let staged = null;
  let pending = null;
  const shown = el("span", { class: "modal-file-name" });
  const input = el("input", { type: "file", class: "visually-hidden", name: one.custom_id });
  const samples = el("div", { class: "modal-samples" });
  const take = (next) => {
    staged?.drop();
    staged = next;
    shown.textContent = staged ? staged.file.name : "No file chosen";
    clear.hidden = !staged;
    node.dispatchEvent(new Event("input"));
  };
  const clear = el(
    "button",
    { type: "button", class: "plain-icon", "aria-label": "Remove the file", hidden: true, onclick: () => take(null) },
    icon("close"),
  );
  const choose = el(
    "button",
    { type: "button", class: "button secondary", onclick: () => input.click() },
    el("span", { class: "face" }, "Choose a file"),
  );
  const node = el("div", { class: "modal-file" }, choose, shown, clear, input, samples);
  input.addEventListener("change", () => input.files[0] && take(new Staged(app.api, input.files[0])));
  samples.append(
    ...(app.store.samples ?? []).map((sample) =>
      el(
        "button",
        {
          type: "button",
          class: "modal-sample",
          dataset: { sample: sample.name },
          onclick: () => (pending = stageSample(app.api, sample).then(take)),
        },
        sample.label,
      ),
    ),
  );
  take(null);
  const check = async () => {
    await pending?.catch(() => null);
    if (!staged) return required && min > 0 ? "Choose a file." : "";
    return staged.ready.then(
      () => "",
      (error) => error.message,
    );
  };
  const read = () => ({ values: staged?.upload ? [staged.upload.id] : [] });
  return { node, check, read, grouped: true, focusable: choose };
}

/** The maker of each kind of input (Discord docs, Component Reference); selects have their own. */
export const INPUTS = { 4: makeTextInput, 19: makeFileUpload, 21: makeRadioGroup, 23: makeCheckbox };
