// Renders Discord's markdown to DOM nodes (Discord docs, Reference, Message Formatting). No HTML strings are built, so
// user text cannot become markup.
import { el, link, safeUrl } from "../ui/dom.js";
import { timestamp } from "../ui/time.js";

const URL_TEXT = /https?:\/\/[^\s<>]*[^\s<>.,:;"'!?)\]]/y;

/** Inline patterns, in the order in which they are tried: [pattern, (match, context) => node]. */
const INLINE = [
  [/\\([^a-zA-Z0-9\s])/y, (m) => m[1]],
  [/(`+)([^]*?[^`])\1(?!`)/y, (m) => el("code", {}, m[2].trim() || m[2])],
  [/<(https?:\/\/[^\s<>]+)>/y, (m, context) => outside(m[1], m[1], context)],
  [
    /\[((?:\\.|[^\[\]\n])+)\]\(<?(https?:\/\/[^\s<>]+?)>?(?: "[^"]*")?\)/y,
    (m, context) => outside(m[2], inline(m[1], context), context),
  ],
  [/<@!?(\d+)>/y, (m, context) => mention(`@${context.user(m[1])?.name ?? "unknown-user"}`)],
  [/<@&(\d+)>/y, (m, context) => mention(`@${context.role(m[1])?.name ?? "unknown-role"}`)],
  [/<#(\d+)>/y, (m, context) => channel(m[1], context)],
  [/<\/([^:>]+):(\d+)>/y, (m) => mention(`/${m[1]}`)],
  [/<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y, (m) => timestamp(Number(m[1]), m[2])],
  [/<a?(:\w+:)\d+>/y, (m) => m[1]],
  [/\|\|([^]+?)\|\|/y, (m, context) => spoiler(inline(m[1], context))],
  [/\*\*((?:\\[^]|[^\\])+?)\*\*(?!\*)/y, (m, context) => el("strong", {}, inline(m[1], context))],
  [/__((?:\\[^]|[^\\])+?)__(?!_)/y, (m, context) => el("u", {}, inline(m[1], context))],
  [/~~((?:\\[^]|[^\\])+?)~~/y, (m, context) => el("s", {}, inline(m[1], context))],
  [/\*(?=\S)((?:\\[^]|\*\*|[^\\*])+?)\*(?!\*)/y, (m, context) => el("em", {}, inline(m[1], context))],
  [/\b_((?:\\[^]|[^\\_])+?)_(?!\w)/y, (m, context) => el("em", {}, inline(m[1], context))],
  [URL_TEXT, (m, context) => outside(m[0], m[0], context)],
];

/**
 * The nodes of `text`. `context` knows names: user(id), role(id), channel(id), and guild (its id) with open(channelId,
 * messageId) for links into this server.
 */
export function markdown(text, context) {
  return String(text)
    .split(/```(?:([\w+-]*)\n)?([^]*?)```\n?/)
    .flatMap((piece, at, all) => {
      if (at % 3 === 1) return [];
      if (at % 3 === 0) return blocks(piece ?? "", context);
      return [el("pre", { "data-language": all[at - 1] }, el("code", {}, piece.replace(/^\n|\n$/g, "")))];
    });
}

/** The nodes of one line's text. */
export function inline(text, context) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const [node, length] = special(text, at, context);
    if (!length || typeof node === "string") {
      plain += length ? node : text[at];
    } else {
      nodes.push(plain, node);
      plain = "";
    }
    at += length || 1;
  }
  return [...nodes, plain].filter((node) => node !== "");
}

function special(text, at, context) {
  if (!/[\\`<[|*_~h]/.test(text[at])) return [null, 0];
  for (const [pattern, make] of INLINE) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return [make(match, context), match[0].length];
  }
  return [null, 0];
}

/** Blocks of lines: headings, subtext, quotes (not nested), lists and paragraphs. */
function blocks(text, context, quoted = false) {
  const lines = text.split("\n");
  const nodes = [];
  while (lines.length) nodes.push(...(block(lines, context, quoted) ?? plainLines(lines, context)));
  return nodes;
}

function block(lines, context, within) {
  const heading = /^(#{1,3}) +(.+)/.exec(lines[0]);
  if (heading)
    return [
      el(
        `h${heading[1].length + 2}`,
        { class: `h${heading[1].length}` },
        inline(take(lines, 1)[0].slice(heading[1].length).trim(), context),
      ),
    ];
  if (/^-# +\S/.test(lines[0])) return [el("small", { class: "subtext" }, inline(take(lines, 1)[0].slice(3), context))];
  if (!within && lines[0].startsWith(">>> ")) {
    const rest = take(lines, lines.length).join("\n").slice(4);
    return [el("blockquote", {}, blocks(rest, context, true))];
  }
  const quoted = within ? 0 : count(lines, /^> /);
  if (quoted) {
    const inner = take(lines, quoted).map((line) => line.slice(2));
    return [el("blockquote", {}, blocks(inner.join("\n"), context, true))];
  }
  for (const [tag, pattern] of [
    ["ul", /^ *[-*] +(?=\S)/],
    ["ol", /^ *\d+\. +(?=\S)/],
  ]) {
    const items = count(lines, pattern);
    if (items) return [list(tag, take(lines, items), pattern, context)];
  }
  return null;
}

function list(tag, lines, pattern, context) {
  const start = tag === "ol" ? { start: parseInt(lines[0], 10) } : {};
  return el(
    tag,
    start,
    lines.map((line) => {
      const deep = /^ {2,}/.test(line) ? { class: "deep" } : {};
      return el("li", deep, inline(line.replace(pattern, ""), context));
    }),
  );
}

/** A paragraph: the lines up to the next block. */
function plainLines(lines, context) {
  const run = [take(lines, 1)[0]];
  while (lines.length && !/^(#{1,3} |-# |> |>>> | *[-*] +\S| *\d+\. +\S)/.test(lines[0])) run.push(lines.shift());
  const text = run.join("\n");
  if (text === "") return [];
  // A pre-wrap paragraph keeps the line breaks and, like Discord, lets bold or a spoiler span several lines.
  return [el("p", {}, inline(text, context))];
}

const take = (lines, number) => lines.splice(0, number);

function count(lines, pattern) {
  const end = lines.findIndex((line) => !pattern.test(line));
  return end < 0 ? lines.length : end;
}

const mention = (text) => el("span", { class: "mention" }, text);

function channel(id, context) {
  const known = context.channel(id);
  if (!known) return mention("#unknown");
  return el("button", { type: "button", class: "mention", onclick: () => context.open(id) }, `#${known.name}`);
}

/** A link; a link to a message of this server scrolls to it instead of leaving the page. */
function outside(address, children, context) {
  const inner = /^https:\/\/discord\.com\/channels\/(\d+|@me)\/(\d+)(?:\/(\d+))?$/.exec(address);
  const known = inner && (inner[1] === context.guild || inner[1] === "@me") && context.channel(inner[2]);
  if (!known) return safeUrl(address) ? link(address, children) : el("span", {}, children);
  const onclick = () => context.open(inner[2], inner[3]);
  const bare = [children].flat().join("") === address;
  const label = bare ? `#${known.name}${inner[3] ? " › message" : ""}` : children;
  return el("button", { type: "button", class: bare ? "mention" : "jump-link", onclick }, label);
}

function spoiler(children) {
  const show = (event) => {
    event.currentTarget.classList.add("shown");
    event.currentTarget.removeAttribute("role");
  };
  const onkeydown = (event) => (event.key === "Enter" || event.key === " ") && show(event);
  return el(
    "span",
    { class: "spoiler", role: "button", tabindex: 0, "aria-label": "Spoiler", onclick: show, onkeydown },
    children,
  );
}
