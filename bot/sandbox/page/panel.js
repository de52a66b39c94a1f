// The side panel: what the bot does, and ways to make its life hard.
import { debounce, el } from "./ui/dom.js";
import { precise } from "./ui/time.js";

/** So many lines are kept on the screen. */
const MOST_LINES = 500;
const KINDS = [
  ["all", "All"],
  ["rest", "Discord"],
  ["fox", "FoxAPI"],
  ["log", "Tasks"],
  ["bot", "Bot"],
];
const TAGS = { rest: "DISCORD", fox: "FOXAPI", log: "LOG", bot: "BOT" };
const MINUTES = 14;

/** Keeps #panel true. `app` has api, store, alarm(text). */
export class Panel {
  #active = "";

  constructor(app) {
    this.app = app;
    for (const name of ["status", "faults", "feed", "filters", "armed", "controls", "quiet"])
      this[name] = document.getElementById(`panel-${name}`);
    this.#drawFilters();
    this.#wireButtons();
    const again = debounce(250, () => this.refresh());
    app.store.addEventListener("panel", ({ detail }) => {
      this.#line(detail, true);
      again();
    });
    app.store.addEventListener("bot", again);
  }

  /** Read the panel's state anew: whether the bot runs, and which faults are armed. `full` also takes the old lines. */
  async refresh(full = false) {
    const state = await this.app.api.panel().catch(() => null);
    this.quiet.hidden = Boolean(state);
    this.controls.hidden = !state;
    if (!state) return this.#showStatus("unknown");
    this.#showStatus(state.bot);
    this.#showFaults(state.faults ?? [], state.active ?? []);
    if (!full) return undefined;
    this.feed.replaceChildren();
    (state.events ?? []).forEach((event) => this.#line(event, false));
    this.#toEnd();
    return undefined;
  }

  #showStatus(status) {
    const words = {
      running: "The bot is running",
      stopped: "The bot is stopped",
      starting: "The bot is starting…",
      unknown: "No panel here",
    };
    this.status.dataset.state = status;
    this.status.lastElementChild.textContent = words[status] ?? status;
    for (const node of this.controls.querySelectorAll("[data-bot]")) {
      node.disabled = node.dataset.bot === "start" ? status !== "stopped" : status === "stopped";
    }
  }

  #showFaults(faults, active) {
    const now = JSON.stringify([faults, active]);
    this.armed.textContent = active.length ? `${active.length} armed` : "";
    if (now === this.#active) return;
    this.#active = now;
    const held = document.activeElement?.dataset?.fault;
    this.faults.replaceChildren(...faults.map((fault) => this.#fault(fault, active.includes(fault.id))));
    if (held) [...this.faults.querySelectorAll("[data-fault]")].find((node) => node.dataset.fault === held)?.focus();
  }

  #fault({ id, label, help }, armed) {
    return el(
      "button",
      {
        type: "button",
        class: `fault ${armed ? "armed" : ""}`,
        title: help,
        dataset: { fault: id },
        "aria-pressed": String(armed),
        onclick: () => this.#do(() => this.app.api.fault(id)),
      },
      el("span", { class: "bulb", "aria-hidden": "true" }),
      el("span", { class: "fault-label" }, label, help && el("small", {}, help)),
    );
  }

  async #do(call) {
    try {
      await call();
    } catch (error) {
      this.app.alarm(error.message);
    }
    await this.refresh();
  }

  #wireButtons() {
    for (const node of this.controls.querySelectorAll("[data-bot]")) {
      node.addEventListener("click", () => this.#do(() => this.app.api.bot(node.dataset.bot)));
    }
    document
      .getElementById("pass-time")
      .addEventListener("click", () => this.#do(() => this.app.api.pass(MINUTES * 60)));
    document.getElementById("clear-faults").addEventListener("click", () => this.#do(() => this.app.api.clear()));
  }

  #drawFilters() {
    const buttons = KINDS.map(([kind, label]) =>
      el(
        "button",
        {
          type: "button",
          class: "chip",
          dataset: { kind },
          "aria-pressed": String(kind === "all"),
          onclick: () => this.#filter(kind),
        },
        label,
      ),
    );
    this.filters.replaceChildren(...buttons);
  }

  #filter(kind) {
    this.feed.dataset.only = kind;
    for (const node of this.filters.children) node.setAttribute("aria-pressed", String(node.dataset.kind === kind));
    this.#toEnd();
  }

  #line({ kind, at, text, status }, live) {
    const atEnd = this.feed.scrollHeight - this.feed.scrollTop - this.feed.clientHeight < 40;
    const mood = status >= 400 ? "bad" : status ? "good" : "";
    const code = status ? el("span", { class: `code ${mood}` }, String(status)) : null;
    const tag = el("span", { class: "kind" }, TAGS[kind] ?? kind);
    const when = el("time", {}, precise(at));
    this.feed.append(
      el("li", { class: `${kind} ${live ? "live" : ""}` }, when, tag, el("span", { class: "text" }, text), code),
    );
    while (this.feed.children.length > MOST_LINES) this.feed.firstElementChild.remove();
    if (atEnd) this.#toEnd();
  }

  #toEnd() {
    this.feed.scrollTop = this.feed.scrollHeight;
  }
}
