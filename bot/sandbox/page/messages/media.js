// The parts of a message that carry media: attachments and embeds.
import { bytes, el, icon, link, safeUrl } from "../ui/dom.js";
import { inline, markdown } from "./markdown.js";
import { spoken } from "../ui/time.js";

const kind = ({ content_type: type = "", filename = "" }) => {
  if (/^video\//.test(type) || /\.(mp4|webm|mov|m4v)$/i.test(filename)) return "video";
  return /^image\//.test(type) && !/svg/.test(type) ? "image" : "file";
};

/** Bring `slot`'s children in line with the attachments; one that stays keeps its element, so a video plays on. */
export function patchAttachments(slot, attachments) {
  const old = new Map([...slot.children].map((node) => [node.dataset.attachmentId, node]));
  const kept = attachments.map((one) => {
    const node = old.get(one.id) ?? attachment(one);
    node.dataset.freshUrl = one.url;
    return node;
  });
  for (const node of [...slot.children]) if (!kept.includes(node)) node.remove();
  // Moving a playing video would stop it, so only nodes that are not yet in place are put there.
  kept.forEach((node, at) => slot.children[at] === node || slot.insertBefore(node, slot.children[at] ?? null));
  slot.hidden = !attachments.length;
}

function attachment(one) {
  const url = safeUrl(one.url);
  const make = { video, image, file }[url ? kind(one) : "file"];
  const node = make(one, url);
  node.dataset.attachmentId = one.id;
  return node;
}

/** Room for the picture before it is there, so that the list does not jump. */
const shape = ({ width, height }) =>
  width && height ? { "aspect-ratio": `${width} / ${height}`, "--ratio": width / height } : {};

function video(one, url) {
  const player = el("video", {
    src: url,
    controls: true,
    preload: "metadata",
    playsinline: true,
    "aria-label": one.filename,
    style: shape(one),
  });
  // Addresses are signed and run out; the newest one is kept on the frame for this moment.
  player.addEventListener("error", () => {
    const fresh = safeUrl(player.parentElement?.dataset.freshUrl);
    if (fresh && fresh !== player.src) player.src = fresh;
  });
  const caption = el("figcaption", {}, link(url, one.filename), el("span", {}, bytes(one.size ?? 0)));
  return el("figure", { class: "video" }, player, caption);
}

function image(one, url) {
  const picture = el("img", { src: url, alt: one.description ?? one.filename, loading: "lazy", style: shape(one) });
  return el("figure", { class: "image" }, link(url, picture));
}

function file(one, url) {
  const name = url ? link(url, one.filename) : el("span", {}, one.filename);
  return el(
    "figure",
    { class: "file" },
    icon("file"),
    el("div", {}, name, el("span", { class: "size" }, bytes(one.size ?? 0))),
  );
}

/** The address of an embed's picture; attachment://name is looked up among the message's files (Discord docs, Uploading Files). */
function pictureUrl(media, attachments) {
  const named = /^attachment:\/\/(.+)$/.exec(media?.url ?? "");
  return safeUrl(
    named ? (attachments.find(({ filename }) => filename === named[1])?.url ?? "about:") : (media?.url ?? "about:"),
  );
}

/** The attachments that are not already shown inside one of the message's embeds. */
export function loose(message) {
  const used = (message.embeds ?? []).flatMap((one) => [one.image?.url, one.thumbnail?.url]).filter(Boolean);
  return (message.attachments ?? []).filter(
    (one) => !used.some((url) => url === `attachment://${one.filename}` || sameFile(url, one.url)),
  );
}

const sameFile = (a, b) => bare(a) === bare(b);
const bare = (url) => String(url).split("?")[0];

/** One embed (Discord docs, Message, Embed Object) as a card. */
export function embed(one, message, context) {
  const picture = (media, className) => {
    const url = pictureUrl(media, message.attachments ?? []);
    return (
      url &&
      el("img", { src: url, class: className, alt: media.description ?? "", loading: "lazy", style: shape(media) })
    );
  };
  const colour = typeof one.color === "number" ? `#${(one.color & 0xffffff).toString(16).padStart(6, "0")}` : null;
  return el(
    "article",
    { class: "embed", style: colour ? { "--bar": colour } : {} },
    one.provider?.name && el("p", { class: "embed-provider" }, one.provider.name),
    one.author?.name &&
      el(
        "p",
        { class: "embed-author" },
        authorIcon(one.author),
        one.author.url ? link(one.author.url, one.author.name) : one.author.name,
      ),
    one.title &&
      el(
        "p",
        { class: "embed-title" },
        one.url ? link(one.url, inline(one.title, context)) : inline(one.title, context),
      ),
    one.description && el("div", { class: "embed-text markdown" }, markdown(one.description, context)),
    one.fields?.length > 0 &&
      el(
        "dl",
        { class: "fields" },
        one.fields.map((field) => fieldOf(field, context)),
      ),
    one.thumbnail && picture(one.thumbnail, "embed-thumbnail"),
    one.image && picture(one.image, "embed-image"),
    foot(one),
  );
}

function authorIcon(author) {
  const url = safeUrl(author.icon_url ?? "about:");
  return url && el("img", { src: url, alt: "" });
}

function fieldOf(field, context) {
  const name = el("dt", {}, inline(field.name, context));
  return el(
    "div",
    { class: field.inline ? "inline" : "" },
    name,
    el("dd", { class: "markdown" }, markdown(field.value, context)),
  );
}

function foot(one) {
  const parts = [one.footer?.text, one.timestamp && spoken(one.timestamp)].filter(Boolean);
  return parts.length > 0 && el("p", { class: "embed-footer" }, parts.join(" • "));
}
