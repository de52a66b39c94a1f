// Builds the parts of the page and connects them. Holds the acting user.
import { Api, Live } from "./api.js";
import { Composer } from "./composer/composer.js";
import { MessageMenu } from "./ui/menu.js";
import { MessageList } from "./messages/list.js";
import { Modals } from "./composer/modal.js";
import { Panel } from "./panel.js";
import { Drawers, Sidebar } from "./sidebar.js";
import { Interactions, Store } from "./state.js";
import { startRelativeTimes } from "./ui/time.js";
import { toast } from "./ui/dom.js";

/** State shared by the parts. Each tab has its own acting user, so two windows can be two members. */
class App {
  api = new Api();
  store = new Store();
  interactions = new Interactions(this.store);
  #live = null;
  #buffered = null;

  constructor() {
    const { store } = this;
    this.context = {
      user: (id) => store.user(id),
      role: (id) => store.role(id),
      channel: (id) => store.channel(id),
      get guild() {
        return store.guild?.id;
      },
      open: (channelId, messageId) => this.open(channelId, messageId),
    };
    this.drawers = new Drawers();
    this.sidebar = new Sidebar(this);
    this.list = new MessageList(this);
    this.composer = new Composer(this);
    this.messageMenu = new MessageMenu(this);
    this.modals = new Modals(this);
    this.panel = new Panel(this);
    store.addEventListener("select", () => this.drawers.closeAll());
    document.addEventListener("visibilitychange", () => document.hidden || store.markSeen());
    startRelativeTimes();
  }

  /** Start as the user of this tab, or of the query (?user=), or as the first member. */
  async begin() {
    this.api.user = sessionStorage.getItem("user") ?? new URLSearchParams(location.search).get("user") ?? "";
    const state = await this.api.state().catch(() => {
      this.api.user = "";
      return this.api.state();
    });
    this.store.load(state);
    await this.actAs(state.me.id);
  }

  /** Switch to this user. */
  async actAs(user) {
    this.api.user = user;
    sessionStorage.setItem("user", user);
    this.#live?.close();
    this.#live = new Live(user, {
      onOpen: () => this.#reload(),
      onEvent: (event) => (this.#buffered ? this.#buffered.push(event) : this.store.apply(event)),
      onStatus: (open) => (document.getElementById("offline").hidden = open),
    });
  }

  /** Set the acting user's Discord language. */
  async setLocale(locale) {
    await this.api.locale(locale);
    await this.#reload();
  }

  /** Show a channel, and scroll to a message in it. */
  open(channelId, messageId) {
    if (!this.store.select(channelId)) return toast("You cannot see that channel.");
    if (messageId) this.list.reveal(messageId);
    return undefined;
  }

  start(name) {
    this.composer.start(name);
  }

  menu(message, where, back) {
    this.messageMenu.open(message, where, back);
  }

  /** Press a component of a message; it is shown as busy until the bot responds. */
  press(message, component, values) {
    const body = {
      channel_id: message.channel_id,
      message_id: message.id,
      custom_id: component.custom_id,
      component_type: component.type,
    };
    if (values) body.values = values;
    this.store.press(
      message.id,
      component.custom_id,
      this.interactions.run(() => this.api.component(body)),
    );
  }

  /** Run a command; a pending line under the messages is shown until the bot responds. */
  runCommand(body, title) {
    this.list.pending(
      title,
      this.interactions.run(() => this.api.command(body)),
    );
  }

  async react(message, emoji, remove) {
    const body = {
      channel_id: message.channel_id,
      message_id: message.id,
      emoji: emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name,
      remove,
    };
    await this.api.reaction(body).catch((error) => toast(error.message));
  }

  /** Forward a message into its own channel; the bot also finds videos in forwarded messages. */
  async forward(message) {
    const forward = { channel_id: message.channel_id, message_id: message.id };
    await this.api
      .message({ channel_id: this.store.channelId, content: "", attachment_ids: [], forward })
      .catch((error) => toast(error.message));
  }

  /** Open the direct messages with the bot; the server creates the channel on first use. */
  async direct() {
    const channel = await this.api.direct().catch((error) => toast(error.message));
    if (!channel) return;
    if (!this.store.channel(channel.id)) this.store.apply({ t: "channel", d: channel });
    this.store.select(channel.id);
  }

  showError(text) {
    toast(text);
  }

  /** Load the state. Events that arrive meanwhile may be newer, so they are applied afterwards. */
  async #reload() {
    const user = this.api.user;
    this.#buffered = [];
    const state = await this.api.state().catch((error) => toast(error.message));
    const early = this.#buffered ?? [];
    if (user !== this.api.user) return;
    this.#buffered = null;
    if (state) this.store.load(state);
    early.forEach((event) => this.store.apply(event));
    this.panel.refresh(true);
  }
}

const app = new App();
app.begin().catch((error) => {
  document.getElementById("offline").hidden = false;
  toast(error.message);
  setTimeout(() => location.reload(), 3000);
});
