// Joins the parts of the page, and decides who acts: everything else gets what it needs from here.
import { Api, Live } from "./api.js";
import { Composer } from "./composer/composer.js";
import { MessageMenu } from "./ui/menu.js";
import { MessageList } from "./messages/list.js";
import { Modals } from "./composer/modal.js";
import { Panel } from "./panel.js";
import { Drawers, Sidebar } from "./sidebar.js";
import { Interactions, Store } from "./state.js";
import { keepTime } from "./ui/time.js";
import { toast } from "./ui/dom.js";

/** What the parts share. Each tab has its own acting person, so two windows can be two people. */
class App {
  api = new Api();
  store = new Store();
  interactions = new Interactions(this.store);
  #live = null;
  #early = null;

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
    document.addEventListener("visibilitychange", () => document.hidden || store.seen());
    keepTime();
  }

  /** Begin as the person of this tab, else of the address (?user=), else as the stand-in's first one. */
  async begin() {
    this.api.user = sessionStorage.getItem("user") ?? new URLSearchParams(location.search).get("user") ?? "";
    const state = await this.api.state().catch(() => {
      this.api.user = "";
      return this.api.state();
    });
    this.store.load(state);
    await this.actAs(state.me.id);
  }

  /** See and do everything as this user from now on. */
  async actAs(user) {
    this.api.user = user;
    sessionStorage.setItem("user", user);
    this.#live?.close();
    this.#live = new Live(user, {
      onOpen: () => this.#reload(),
      onEvent: (event) => (this.#early ? this.#early.push(event) : this.store.apply(event)),
      onStatus: (open) => (document.getElementById("offline").hidden = open),
    });
  }

  /** Who acts speaks this language from now on: Discord's own setting of a member. */
  async speak(locale) {
    await this.api.locale(locale);
    await this.#reload();
  }

  /** Go to a channel, and there to a message. */
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

  /** Press a component of a message; it shows as busy until the bot has answered. */
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

  /** Run a command; until the bot has answered, a line under the messages says so. */
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

  /** Forward a message into its own channel; the bot finds videos in forwards too. */
  async forward(message) {
    const forward = { channel_id: message.channel_id, message_id: message.id };
    await this.api
      .message({ channel_id: this.store.channelId, content: "", attachment_ids: [], forward })
      .catch((error) => toast(error.message));
  }

  /** Open the direct messages with the bot; the stand-in makes the channel when it is first wanted. */
  async direct() {
    const channel = await this.api.direct().catch((error) => toast(error.message));
    if (!channel) return;
    if (!this.store.channel(channel.id)) this.store.apply({ t: "channel", d: channel });
    this.store.select(channel.id);
  }

  alarm(text) {
    toast(text);
  }

  /** Events that come while the state is being read are newer than it may be: they are taken in after it. */
  async #reload() {
    const user = this.api.user;
    this.#early = [];
    const state = await this.api.state().catch((error) => toast(error.message));
    const early = this.#early ?? [];
    if (user !== this.api.user) return;
    this.#early = null;
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
