// Client for the sandbox server: /client (what a member does), /panel (the control panel) and the live socket.
// Independent of the page.

/** A failed call; the message is a sentence for the user. */
class ApiError extends Error {}

/** Calls made as `user` (an id, empty until the first state is loaded). */
export class Api {
  user = "";

  /** Everything that `user` may see. */
  state = () => this.#call("GET", "/client/state");
  upload = (file) => {
    const form = new FormData();
    form.append("file", file, file.name);
    return this.#call("POST", "/client/upload", form, 120_000);
  };
  message = (body) => this.#call("POST", "/client/message", body);
  command = (body) => this.#call("POST", "/client/command", body);
  component = (body) => this.#call("POST", "/client/component", body);
  modal = (body) => this.#call("POST", "/client/modal", body);
  autocomplete = (body) => this.#call("POST", "/client/autocomplete", body, 5_000);
  direct = () => this.#call("POST", "/client/dm", {});
  locale = (locale) => this.#call("POST", "/client/locale", { locale });
  reaction = (body) => this.#call("POST", "/client/reaction", body);

  panel = () => this.#call("GET", "/panel/state");
  fault = (id) => this.#call("POST", "/panel/fault", { id });
  clear = () => this.#call("POST", "/panel/clear", {});
  bot = (action) => this.#call("POST", "/panel/bot", { action }, 60_000);
  advanceTime = (seconds) => this.#call("POST", "/panel/time", { seconds });

  /** Download a sample clip as a file to upload. */
  async fetchFile(address, name) {
    const response = await fetch(address, { signal: AbortSignal.timeout(60_000) });
    if (!response.ok) throw new ApiError("The sample clip could not be read.");
    const blob = await response.blob();
    return new File([blob], name, { type: blob.type });
  }

  async #call(method, path, body, timeout = 20_000) {
    const query = this.user && path.startsWith("/client") ? `?user=${encodeURIComponent(this.user)}` : "";
    const init = { method, signal: AbortSignal.timeout(timeout) };
    if (body instanceof FormData) init.body = body;
    else if (body !== undefined)
      Object.assign(init, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    const response = await fetch(path + query, init).catch(() => {
      throw new ApiError("The sandbox does not respond. Check that it is still running.");
    });
    const text = await response.text();
    const answer = parseJson(text);
    if (!response.ok) throw new ApiError(answer?.message ?? `The sandbox answered ${response.status}.`);
    return answer;
  }
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const FIRST_WAIT_MS = 400;
const MAX_WAIT_MS = 6_000;

/** The live socket of one user. Reconnects with exponential backoff until it is closed. */
export class Live {
  #socket = null;
  #timer = 0;
  #wait = FIRST_WAIT_MS;

  /** `onOpen` is called on every (re)connect, `onEvent({t, d})` for each event, `onStatus(open)` for the banner. */
  constructor(user, { onOpen, onEvent, onStatus }) {
    Object.assign(this, { user, onOpen, onEvent, onStatus, closed: false });
    this.#open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/client/live?user=${encodeURIComponent(this.user)}`);
    this.#socket = socket;
    socket.onopen = () => {
      if (this.closed) return;
      this.#wait = FIRST_WAIT_MS;
      this.onStatus(true);
      this.onOpen();
    };
    socket.onmessage = ({ data }) => {
      const event = this.closed ? null : parseJson(data);
      if (event) this.onEvent(event);
    };
    socket.onclose = () => this.#reconnect();
  }

  #reconnect() {
    if (this.closed) return;
    this.onStatus(false);
    this.#timer = setTimeout(() => this.#open(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, MAX_WAIT_MS);
  }
}
