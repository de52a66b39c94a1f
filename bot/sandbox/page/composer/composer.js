// The composer: writes messages, attaches files and turns "/" into a command.
import { el, icon, toast } from "../ui/dom.js";
import { CommandForm, filterCommands, listCommandLines, makeCommandItem } from "./slash_command.js";
import { Listbox } from "../ui/listbox.js";
import { Staged, makeCard, makePicker, stageSample } from "./attachments.js";

/** Discord's limits for a member's message. */
const MAX_CHARACTERS = 2000;
const MAX_FILES = 10;

/** Owns the elements of the dock. `app` has api, store, runCommand(body, title). */
export class Composer {
  #form = null;
  #staged = [];
  #busy = false;
  #picking = false;

  constructor(app) {
    this.app = app;
    for (const id of ["bar", "composer", "fields", "hint", "tray", "attach", "send", "dock"])
      this[id] = document.getElementById(id);
    this.list = new Listbox(document.getElementById("popup"), "Commands");
    this.menu = new Listbox(document.getElementById("attach-menu"), "Add to your message");
    this.composer.addEventListener("input", () => this.#onInput());
    this.dock.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.bar.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.attach.addEventListener("click", () => this.#offerAttach());
    this.attach.addEventListener("keydown", (event) => this.menu.key(event));
    this.attach.addEventListener("blur", () => this.menu.hide());
    this.composer.addEventListener("blur", () => this.list.owner === this.composer && this.list.hide());
    this.composer.addEventListener("focus", () => this.#onInput());
    this.#acceptDrops();
    app.store.addEventListener("commands", () => document.activeElement === this.composer && this.#onInput());
    for (const name of ["select", "state"]) app.store.addEventListener(name, () => this.#onSelect());
  }

  /** Start filling in the command `name` ("limits set" for a subcommand). */
  start(name) {
    const line = this.#lines().find((one) => one.name === name);
    if (line) this.#begin(line);
    else toast(`There is no command /${name} here.`);
  }

  /** Discard the draft, because another user or channel was selected. */
  reset() {
    this.#leave(false);
    this.#staged.forEach((staged) => staged.drop());
    this.#staged = [];
    this.#picking = false;
    this.composer.value = "";
    this.#drawTray();
  }

  #lines() {
    const { store } = this.app;
    return listCommandLines(store.commands, store.channel(store.channelId));
  }

  #onSelect() {
    const { store } = this.app;
    const where = `${store.me?.id} ${store.channelId}`;
    const channel = store.channel(store.channelId);
    this.composer.placeholder = channel ? `Message ${channel.dm ? `@${channel.name}` : `#${channel.name}`}` : "";
    if (this.where !== undefined && where !== this.where) this.reset();
    this.where = where;
  }

  #onInput() {
    const text = this.composer.value;
    if (!/^\/[\p{L}\p{N}_ -]*$/u.test(text)) return this.list.hide();
    const { store } = this.app;
    const items = filterCommands(this.#lines(), text.slice(1)).map((line) => makeCommandItem(line, store.bot?.user));
    const empty = store.commands.length
      ? "No command starts with this."
      : "The bot has not registered its commands yet.";
    return this.list.show(this.composer, items, ({ line }) => this.#begin(line), { label: "Commands", empty });
  }

  #begin(line) {
    this.list.hide();
    this.#form?.drop();
    this.#picking = false;
    this.composer.value = "";
    this.composer.hidden = true;
    this.dock.classList.add("commanding");
    const waiting = this.#staged.splice(0);
    this.tray.replaceChildren();
    this.#form = new CommandForm(
      this.app,
      line,
      { bar: this.fields, hint: this.hint, tray: this.tray },
      this.list,
      () => this.#leave(),
    );
    waiting.forEach((staged) => this.#form.takeFile(staged.file));
    if (!line.options.length) this.send.focus(); // nothing to fill in: Enter sends
  }

  #leave(focus = true) {
    this.#form?.drop();
    this.#form = null;
    this.dock.classList.remove("commanding");
    this.composer.hidden = false;
    this.#drawTray();
    if (focus) this.composer.focus();
  }

  #onKeyDown(event) {
    if (event.isComposing || event.defaultPrevented) return;
    const field = event.target.matches("textarea, input, [role=combobox]");
    if (field && this.list.key(event)) return;
    if (event.key === "Escape") this.#escape(event);
    else if (event.key === "Enter" && !event.shiftKey && field) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && event.target === this.composer && !this.composer.value) {
      event.preventDefault();
      document.querySelector("#messages > li:last-child")?.focus();
    }
  }

  #escape(event) {
    if (!this.#form && !this.#picking) return;
    event.preventDefault();
    this.#picking = false;
    this.#leave();
  }

  async #send() {
    if (this.#busy) return;
    this.#busy = true;
    this.dock.classList.add("sending");
    try {
      await (this.#form ? this.#sendCommand() : this.#sendMessage());
    } catch (error) {
      this.#showProblem(error.message);
    } finally {
      this.#busy = false;
      this.dock.classList.remove("sending");
    }
  }

  async #sendCommand() {
    const form = this.#form;
    const body = await form.read();
    if (!body || this.#form !== form) return;
    this.app.runCommand(body, `/${form.line.name}`);
    this.#leave();
  }

  async #sendMessage() {
    const content = this.composer.value.trim();
    if (!content && !this.#staged.length) return;
    if ([...content].length > MAX_CHARACTERS)
      throw new Error(`A message may have at most ${MAX_CHARACTERS} characters; this has ${[...content].length}.`);
    const uploads = await Promise.all(this.#staged.map(({ ready }) => ready));
    const channel_id = this.app.store.channelId;
    const message = await this.app.api.message({ channel_id, content, attachment_ids: uploads.map(({ id }) => id) });
    if (message?.id) this.app.store.apply({ t: "message", d: message });
    this.reset();
    this.composer.focus();
  }

  #showProblem(text) {
    this.hint.replaceChildren(el("span", { class: "wrong", role: "alert" }, text));
    this.dock.addEventListener("input", () => !this.#form && this.hint.replaceChildren(), { once: true });
  }

  #offerAttach() {
    if (this.menu.open) return this.menu.hide();
    this.attach.focus();
    const items = [
      { label: "Upload a file", lead: icon("upload"), run: () => this.#chooseFiles() },
      { label: "Use a sample clip", lead: icon("film"), run: () => this.#pick() },
      { label: "Use a command", lead: icon("slash"), run: () => this.#slash() },
    ];
    return this.menu.show(this.attach, items, ({ run }) => {
      this.menu.hide();
      run();
    });
  }

  #chooseFiles() {
    const input = el("input", { type: "file", multiple: true, onchange: () => this.#take([...input.files]) });
    input.click();
  }

  #pick() {
    if (this.#form) return;
    this.#picking = true;
    this.#drawTray();
    this.tray.querySelector("[data-sample]")?.focus();
  }

  #slash() {
    this.#leave();
    this.composer.value = "/";
    this.composer.focus();
    this.#onInput();
  }

  #take(files) {
    if (!files.length) return;
    if (this.#form) return this.#form.takeFile(files[0]);
    const room = MAX_FILES - this.#staged.length;
    if (files.length > room) toast(`A message may have at most ${MAX_FILES} files.`);
    this.#staged.push(...files.slice(0, room).map((file) => new Staged(this.app.api, file)));
    this.#picking = false;
    this.#drawTray();
    this.composer.focus();
    return undefined;
  }

  #drawTray() {
    if (this.#form) return;
    const close = () => {
      this.#picking = false;
      this.#drawTray();
      this.composer.focus();
    };
    const onSample = async (sample) => {
      close();
      const staged = await stageSample(this.app.api, sample).catch((error) => toast(error.message));
      if (!staged) return;
      this.#staged.push(staged);
      this.#drawTray();
    };
    const pick =
      this.#picking &&
      makePicker(this.app.store.samples, {
        title: "Sample clips",
        onFiles: (files) => this.#take(files),
        onSample,
        onClose: close,
      });
    const cards = this.#staged.map((staged) => makeCard(staged, () => this.#drop(staged)));
    this.tray.replaceChildren(...[pick, ...cards].filter(Boolean));
  }

  #drop(staged) {
    staged.drop();
    this.#staged = this.#staged.filter((other) => other !== staged);
    this.#drawTray();
    this.composer.focus();
  }

  #acceptDrops() {
    const main = document.getElementById("main");
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const light = (on) => main.classList.toggle("dropping", on);
    for (const name of ["dragenter", "dragover"]) {
      main.addEventListener(name, (event) => {
        if (!carries(event)) return;
        event.preventDefault();
        light(true);
      });
    }
    main.addEventListener("dragleave", (event) => main.contains(event.relatedTarget) || light(false));
    main.addEventListener("drop", (event) => {
      light(false);
      if (!carries(event)) return;
      event.preventDefault();
      this.#take([...event.dataTransfer.files]);
    });
    this.dock.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.#take(files);
    });
  }
}
