// The bot's modals as native dialogs, which trap the focus and close on Esc.
import { el, icon } from "../ui/dom.js";
import { listChoices, getInitialValues } from "../messages/components.js";
import { markdown } from "../messages/markdown.js";

/** Shows modals; a new one replaces an open one. `app` has api, store, interactions, context. */
export class Modals {
  constructor(app) {
    this.app = app;
    app.store.addEventListener("modal", ({ detail }) => this.#show(detail));
  }

  #show(modal) {
    this.dialog?.remove();
    const inputs = new Map();
    const problem = el("p", { class: "modal-problem", role: "alert", hidden: true });
    const form = el(
      "form",
      { novalidate: true },
      makeHeader(modal.title, () => dialog.close()),
    );
    form.append(
      el(
        "div",
        { class: "modal-body" },
        modal.components.map((one) => this.#part(one, inputs)),
        problem,
      ),
      makeFooter(() => dialog.close()),
    );
    const dialog = el("dialog", { class: "modal", "aria-label": modal.title }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(modal, inputs, dialog, problem);
    });
    dialog.addEventListener("close", () => dialog.remove());
    this.dialog = dialog;
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("textarea, input, select")?.focus();
  }

  /** The nodes of one component of the modal; fills `inputs`: custom_id → {read, check, node, fail}. */
  #part(one, inputs) {
    if (one.type === 10) return el("div", { class: "markdown" }, markdown(one.content, this.app.context));
    if (one.type === 1) return one.components.map((child) => this.#field(child, { label: child.label }, inputs));
    return one.type === 18 ? this.#field(one.component, one, inputs) : null;
  }

  #field(one, { label, description }, inputs) {
    const control = this.#control(one);
    const wrong = el("span", { class: "wrong", role: "alert", id: `wrong-${one.custom_id}` });
    const star = one.required !== false && el("span", { class: "star", title: "required" }, " *");
    const fail = (text) => {
      wrong.textContent = text;
      control.node.setAttribute("aria-invalid", String(Boolean(text)));
    };
    control.node.addEventListener("input", () => fail(""));
    control.node.setAttribute("aria-describedby", wrong.id);
    inputs.set(one.custom_id, { ...control, fail });
    const note = description && el("span", { class: "description" }, description);
    return el(
      "label",
      { class: "modal-field" },
      el("span", { class: "modal-label" }, label, star),
      note,
      control.node,
      wrong,
    );
  }

  #control(one) {
    if (one.type === 4) return makeTextInput(one);
    return makeSelectInput(one, listChoices(one, this.app.store));
  }

  async #submit(modal, inputs, dialog, problem) {
    const all = [...inputs.values()];
    const wrong = all.filter((input) => {
      const text = input.check();
      input.fail(text);
      return text;
    });
    if (wrong.length) return wrong[0].node.focus();
    const body = {
      interaction_id: modal.interaction_id,
      custom_id: modal.custom_id,
      components: modal.components.map((one) => fillComponent(one, inputs)),
    };
    problem.hidden = true;
    dialog.classList.add("sending");
    const { ok, text } = await this.app.interactions.run(() => this.app.api.modal(body));
    dialog.classList.remove("sending");
    if (ok) return dialog.close();
    problem.textContent = text || "Something went wrong. Try again.";
    problem.hidden = false;
    return undefined;
  }
}

/** One component of the submission: the same tree, with the entered values. */
function fillComponent(one, inputs) {
  const id = one.id === undefined ? {} : { id: one.id };
  if (one.type === 1) return { type: 1, ...id, components: one.components.map((child) => fillInput(child, inputs)) };
  if (one.type === 18) return { type: 18, ...id, component: fillInput(one.component, inputs) };
  return { type: one.type, ...id };
}

function fillInput(one, inputs) {
  const id = one.id === undefined ? {} : { id: one.id };
  return { type: one.type, ...id, custom_id: one.custom_id, ...inputs.get(one.custom_id).read() };
}

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

function makeSelectInput(one, all) {
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

function makeHeader(title, close) {
  return el(
    "header",
    {},
    el("h2", {}, title),
    el("button", { type: "button", class: "plain-icon", "aria-label": "Close", onclick: close }, icon("close")),
  );
}

function makeFooter(cancel) {
  const submit = el("button", { type: "submit", class: "button primary" }, el("span", { class: "face" }, "Submit"));
  return el(
    "footer",
    {},
    el("button", { type: "button", class: "button secondary", onclick: cancel }, "Cancel"),
    submit,
  );
}
