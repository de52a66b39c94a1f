// The bot's modals as native dialogs, which trap the focus and close on Esc.
import { el, icon } from "../ui/dom.js";
import { markdown } from "../messages/markdown.js";
import { INPUTS, makeSelectInput } from "./modal_inputs.js";

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
    const star = one.required !== false && one.type !== 23 && el("span", { class: "star", title: "required" }, " *");
    const fail = (text) => {
      wrong.textContent = text;
      control.node.setAttribute("aria-invalid", String(Boolean(text)));
    };
    control.node.addEventListener("input", () => fail(""));
    control.node.setAttribute("aria-describedby", wrong.id);
    inputs.set(one.custom_id, { ...control, fail });
    const note = description && el("span", { class: "description" }, description);
    return el(
      control.grouped ? "div" : "label",
      { class: "modal-field", ...(control.grouped && { role: "group", "aria-label": label }) },
      el("span", { class: "modal-label" }, label, star),
      note,
      control.node,
      wrong,
    );
  }

  #control(one) {
    const make = INPUTS[one.type] ?? makeSelectInput;
    return make(one, this.app);
  }

  async #submit(modal, inputs, dialog, problem) {
    const all = [...inputs.values()];
    const texts = await Promise.all(all.map((input) => input.check()));
    all.forEach((input, at) => input.fail(texts[at]));
    const wrong = all[texts.findIndex(Boolean)];
    if (wrong) return (wrong.focusable ?? wrong.node).focus();
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
