// The page's state: loaded from the server, updated by live events.

import { localize } from "./ui/locale.js";

/** Compare snowflakes by age. As strings they compare by length first, then by digits. */
export const compareIds = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

/**
 * Emits (as CustomEvent, details in `detail`): "state" after a (re)load, "message" {message, fresh}, "delete" {id, channel_id},
 * "channels", "commands", "bot", "select", "unread", "modal", "panel", and "mark" {message_id} when a press starts or ends.
 */
export class Store extends EventTarget {
  me = null;
  guild = null;
  bot = null;
  roles = [];
  users = new Map();
  channels = [];
  messages = new Map();
  commands = [];
  samples = [];
  channelId = null;
  unread = new Set();
  #dismissed = new Set();
  #presses = new Map();
  #failures = new Map();

  /** Load the response of GET /client/state. Keeps the selected channel if it still exists. */
  load(state) {
    if (this.me && this.me.id !== state.me.id) this.#clearUserState();
    Object.assign(this, { me: state.me, guild: state.guild, bot: state.bot, channels: state.channels });
    Object.assign(this, { samples: state.samples ?? [], roles: state.roles ?? [] });
    this.#localize(state.commands ?? []);
    this.users = new Map([...state.users, state.bot?.user, state.me].filter(Boolean).map((user) => [user.id, user]));
    this.messages = new Map(state.channels.map(({ id }) => [id, this.#byId(state.messages?.[id] ?? [])]));
    if (!this.channel(this.channelId))
      this.channelId = state.channels.find((one) => !one.dm)?.id ?? state.channels[0]?.id ?? null;
    this.#emit("state");
  }

  /** Apply one live event. */
  apply({ t, d }) {
    const known = {
      message: () => this.#message(d),
      message_delete: () => this.#delete(d),
      commands: () => {
        this.#localize(d);
        this.#emit("commands");
      },
      bot: () => this.#set("bot", { ...this.bot, ...d }),
      channel: () => this.#channel(d),
      channel_delete: () => this.#removeChannel(d),
    };
    if (known[t]) known[t]();
    else this.#emit(t, d);
  }

  /** Store the commands in the acting user's language. */
  #localize(commands) {
    this.commands = commands.map((command) => localize(command, this.me?.locale));
  }

  select(channelId) {
    if (!this.channel(channelId)) return false;
    this.channelId = channelId;
    this.unread.delete(channelId);
    this.#emit("select");
    return true;
  }

  /** Mark the selected channel as read. */
  markSeen() {
    if (this.unread.delete(this.channelId)) this.#emit("unread");
  }

  /** Hide an ephemeral message in this page. */
  dismiss(message) {
    this.#dismissed.add(message.id);
    this.#delete(message);
  }

  channel = (id) => this.channels.find((one) => one.id === id);
  user = (id) => this.users.get(id);
  role = (id) => this.roles.find((one) => one.id === id);

  /** The channel's messages, oldest first. */
  list = (channelId) => [...(this.messages.get(channelId)?.values() ?? [])].sort((a, b) => compareIds(a.id, b.id));
  message = (channelId, id) => this.messages.get(channelId)?.get(id);

  /** Whether the component waits for the bot, and the error of the last press on the message. */
  isPressed = (messageId, customId) => this.#presses.has(`${messageId} ${customId}`);
  getFailure = (messageId) => this.#failures.get(messageId) ?? "";

  /** Show `customId` as pressed until `ended` resolves with {ok, text}. */
  async press(messageId, customId, ended) {
    this.#presses.set(`${messageId} ${customId}`, true);
    this.#failures.delete(messageId);
    this.#emit("mark", { message_id: messageId });
    const { ok, text } = await ended;
    this.#presses.delete(`${messageId} ${customId}`);
    if (!ok) this.#failures.set(messageId, text);
    this.#emit("mark", { message_id: messageId });
  }

  /** The known user with this id, or one made from Discord's user object, which has no colour. */
  resolveUser(user) {
    return (
      this.users.get(user?.id) ?? {
        id: user?.id,
        name: user?.global_name ?? user?.username ?? user?.name ?? "?",
        bot: user?.bot,
      }
    );
  }

  /** Clear what belonged to the previous acting user. */
  #clearUserState() {
    for (const kept of [this.unread, this.#presses, this.#failures]) kept.clear();
  }

  #byId(messages) {
    return new Map(messages.filter(({ id }) => !this.#dismissed.has(id)).map((one) => [one.id, one]));
  }

  #message(message) {
    if (this.#dismissed.has(message.id)) return;
    const list = this.messages.get(message.channel_id) ?? new Map();
    const fresh = !list.has(message.id);
    this.messages.set(message.channel_id, list.set(message.id, message));
    const elsewhere = message.channel_id !== this.channelId || document.hidden;
    if (fresh && elsewhere && message.author?.id !== this.me?.id) {
      this.unread.add(message.channel_id);
      this.#emit("unread");
    }
    this.#emit("message", { message, fresh });
  }

  #delete({ id, channel_id }) {
    this.messages.get(channel_id)?.delete(id);
    this.#emit("delete", { id, channel_id });
  }

  #channel(channel) {
    const at = this.channels.findIndex(({ id }) => id === channel.id);
    if (at < 0) this.channels.push(channel);
    else this.channels[at] = channel;
    this.#emit("channels");
  }

  #removeChannel({ id }) {
    this.channels = this.channels.filter((one) => one.id !== id);
    this.messages.delete(id);
    this.unread.delete(id);
    if (this.channelId === id) this.select(this.channels[0]?.id);
    this.#emit("channels");
  }

  #set(name, value) {
    this[name] = value;
    this.#emit(name);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** How long the page waits for the result of an interaction; Discord gives up after 3 s. */
const RESPONSE_TIMEOUT_MS = 15_000;

/** Pending interactions. The result may arrive before the call that started the interaction returns. */
export class Interactions {
  #ended = new Map();
  #waiting = new Map();

  constructor(store) {
    store.addEventListener("interaction_done", ({ detail }) =>
      this.#end(detail.interaction_id, { ok: true, text: "" }),
    );
    store.addEventListener("interaction_failed", ({ detail }) => {
      this.#end(detail.interaction_id, { ok: false, text: detail.text || "The application did not respond" });
    });
    store.addEventListener("modal", ({ detail }) => this.#end(detail.interaction_id, { ok: true, text: "" }));
  }

  /** Start an interaction with `call` and wait for its result: {ok, text}. Never rejects. */
  async run(call) {
    try {
      const { interaction_id: id } = await call();
      return this.#ended.get(id) ?? (await this.#wait(id));
    } catch (error) {
      return { ok: false, text: error.message };
    }
  }

  #wait(id) {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      setTimeout(() => this.#end(id, { ok: false, text: "The application did not respond" }), RESPONSE_TIMEOUT_MS);
    });
  }

  #end(id, result) {
    if (this.#ended.has(id)) return;
    this.#ended.set(id, result);
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }
}
