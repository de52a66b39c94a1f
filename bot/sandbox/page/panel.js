// The control panel: bot activity, process control and fault injection.
import { debounce, el } from "./ui/dom.js";
import { formatSeconds } from "./ui/time.js";

/** Lines kept in the feed. */
const MAX_LINES = 500;
const KINDS = [
  ["all", "All"],
  ["rest", "Discord"],
  ["fox", "FoxAPI"],
  ["log", "Log"],
  ["bot", "Bot"],
];
const TAGS = { rest: "DISCORD", fox: "FOXAPI", log: "LOG", bot: "BOT" };
const ADVANCE_MINUTES = 14;

/** Keeps #panel up to date. `app` has api, store, showError(text). */
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
      this.#appendLine(detail, true);
      again();
    });
    app.store.addEventListener("bot", again);
  }

  /** Reload whether the bot runs and which faults are armed; with `full`, the feed too. */
  async refresh(full = false) {
    const state = await this.app.api.panel().catch(() => null);
    this.quiet.hidden = Boolean(state);
    this.controls.hidden = !state;
    if (!state) return this.#showStatus("unknown");
    this.#showStatus(state.bot);
    this.#showFaults(state.faults ?? [], state.active ?? []);
    if (!full) return undefined;
    this.feed.replaceChildren();
    (state.events ?? []).forEach((event) => this.#appendLine(event, false));
    this.#scrollToEnd();
    return undefined;
  }

  #showStatus(status) {
    const words = {
      running: "The bot is running",
      stopped: "The bot is stopped",
      starting: "The bot is starting…",
      unknown: "Not available",
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
    this.faults.replaceChildren(...faults.map((fault) => this.#renderFault(fault, active.includes(fault.id))));
    if (held) [...this.faults.querySelectorAll("[data-fault]")].find((node) => node.dataset.fault === held)?.focus();
  }

  #renderFault({ id, label, help }, armed) {
    return el(
      "button",
      {
        type: "button",
        class: `fault ${armed ? "armed" : ""}`,
        title: help,
        dataset: { fault: id },
        "aria-pressed": String(armed),
        onclick: () => this.#run(() => this.app.api.fault(id)),
      },
      el("span", { class: "bulb", "aria-hidden": "true" }),
      el("span", { class: "fault-label" }, label, help && el("small", {}, help)),
    );
  }

  async #run(call) {
    try {
      await call();
    } catch (error) {
      this.app.showError(error.message);
    }
    await this.refresh();
  }

  #wireButtons() {
    for (const node of this.controls.querySelectorAll("[data-bot]")) {
      node.addEventListener("click", () => this.#run(() => this.app.api.bot(node.dataset.bot)));
    }
    document
      .getElementById("pass-time")
      .addEventListener("click", () => this.#run(() => this.app.api.advanceTime(ADVANCE_MINUTES * 60)));
    document.getElementById("clear-faults").addEventListener("click", () => this.#run(() => this.app.api.clear()));
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
    this.#scrollToEnd();
  }

  #appendLine({ kind, at, text, status }, live) {
    const atEnd = this.feed.scrollHeight - this.feed.scrollTop - this.feed.clientHeight < 40;
    const statusClass = status >= 400 ? "bad" : status ? "good" : "";
    const code = status ? el("span", { class: `code ${statusClass}` }, String(status)) : null;
    const tag = el("span", { class: "kind" }, TAGS[kind] ?? kind);
    const when = el("time", {}, formatSeconds(at));
    this.feed.append(
      el("li", { class: `${kind} ${live ? "live" : ""}` }, when, tag, el("span", { class: "text" }, text), code),
    );
    while (this.feed.children.length > MAX_LINES) this.feed.firstElementChild.remove();
    if (atEnd) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.feed.scrollTop = this.feed.scrollHeight;
  }
}
