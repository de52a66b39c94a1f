// Renders attachments and embeds.
import { formatBytes, el, icon, link, safeUrl } from "../ui/dom.js";
import { inline, markdown } from "./markdown.js";
import { formatMessageTime } from "../ui/time.js";

const getKind = ({ content_type: type = "", filename = "" }) => {
  if (/^video\//.test(type) || /\.(mp4|webm|mov|m4v)$/i.test(filename)) return "video";
  return /^image\//.test(type) && !/svg/.test(type) ? "image" : "file";
};

/** Update `slot` to the attachments. Unchanged ones keep their element, so a playing video continues. */
export function patchAttachments(slot, attachments) {
  const old = new Map([...slot.children].map((node) => [node.dataset.attachmentId, node]));
  const kept = attachments.map((one) => {
    const node = old.get(one.id) ?? attachment(one);
    node.dataset.freshUrl = one.url;
    return node;
  });
  for (const node of [...slot.children]) if (!kept.includes(node)) node.remove();
  // Moving a playing video would stop it, so only nodes that are out of place are moved.
  kept.forEach((node, at) => slot.children[at] === node || slot.insertBefore(node, slot.children[at] ?? null));
  slot.hidden = !attachments.length;
}

function attachment(one) {
  const url = safeUrl(one.url);
  const make = { video, image, file }[url ? getKind(one) : "file"];
  const node = make(one, url);
  node.dataset.attachmentId = one.id;
  return node;
}

/** Reserves the media's space before it loads, so that the list does not jump. */
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
  // Signed URLs expire; the newest one is kept on the figure.
  player.addEventListener("error", () => {
    const fresh = safeUrl(player.parentElement?.dataset.freshUrl);
    if (fresh && fresh !== player.src) player.src = fresh;
  });
  const caption = el("figcaption", {}, link(url, one.filename), el("span", {}, formatBytes(one.size ?? 0)));
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
    el("div", {}, name, el("span", { class: "size" }, formatBytes(one.size ?? 0))),
  );
}

/** The URL of an embed's image; attachment://name refers to one of the message's files (Discord docs, Uploading Files). */
function resolvePictureUrl(media, attachments) {
  const named = /^attachment:\/\/(.+)$/.exec(media?.url ?? "");
  return safeUrl(
    named ? (attachments.find(({ filename }) => filename === named[1])?.url ?? "about:") : (media?.url ?? "about:"),
  );
}

/** The attachments that are not shown inside one of the message's embeds. */
export function listUnembedded(message) {
  const used = (message.embeds ?? []).flatMap((one) => [one.image?.url, one.thumbnail?.url]).filter(Boolean);
  return (message.attachments ?? []).filter(
    (one) => !used.some((url) => url === `attachment://${one.filename}` || sameFile(url, one.url)),
  );
}

const sameFile = (a, b) => bare(a) === bare(b);
const bare = (url) => String(url).split("?")[0];

/** One embed (Discord docs, Message, Embed Object) as a card. */
export function renderEmbed(one, message, context) {
  const picture = (media, className) => {
    const url = resolvePictureUrl(media, message.attachments ?? []);
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
        renderAuthorIcon(one.author),
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
        one.fields.map((field) => renderField(field, context)),
      ),
    one.thumbnail && picture(one.thumbnail, "embed-thumbnail"),
    one.image && picture(one.image, "embed-image"),
    renderFooter(one),
  );
}

function renderAuthorIcon(author) {
  const url = safeUrl(author.icon_url ?? "about:");
  return url && el("img", { src: url, alt: "" });
}

function renderField(field, context) {
  const name = el("dt", {}, inline(field.name, context));
  return el(
    "div",
    { class: field.inline ? "inline" : "" },
    name,
    el("dd", { class: "markdown" }, markdown(field.value, context)),
  );
}

function renderFooter(one) {
  const parts = [one.footer?.text, one.timestamp && formatMessageTime(one.timestamp)].filter(Boolean);
  return parts.length > 0 && el("p", { class: "embed-footer" }, parts.join(" • "));
}
