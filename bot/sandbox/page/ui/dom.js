// DOM helpers without HTML strings: user content only becomes text nodes and checked URLs.

/** Create an element. `props` are attributes, `on…` functions are listeners, `dataset` and `style` are maps; children may nest. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...flatten(children));
  return node;
}

function setProp(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function" && name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "style") Object.entries(value).forEach(([key, text]) => node.style.setProperty(key, text));
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Flatten nested arrays and drop null, undefined and false. */
export function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** `text` as an absolute http(s) URL, or null for anything else (javascript:, data:, invalid). */
export function safeUrl(text) {
  try {
    const url = new URL(String(text), location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** An external link without referrer; plain text if the URL is not http(s). */
export function link(address, ...children) {
  const href = safeUrl(address);
  if (!href) return el("span", {}, ...children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", title: href }, ...children);
}

/** A coloured circle with the user's initial. */
export function avatar(user, size = "") {
  const letter = (user?.name ?? "?").trim().charAt(0).toUpperCase() || "?";
  const colour = /^#[0-9a-f]{6}$/i.test(user?.color ?? "") ? user.color : "#5865f2";
  const face = user?.bot ? icon("film") : letter;
  return el("span", { class: `avatar ${size}`, style: { "--face": colour }, "aria-hidden": "true" }, face);
}

const PATHS = {
  hash: "M9 3 7.5 21M16.5 3 15 21M4 8.5h17M3 15.5h17",
  close: "M6 6l12 12M18 6 6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  chevron: "M9 6l6 6-6 6",
  down: "M6 9l6 6 6-6",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  upload: "M12 16V5M7 10l5-5 5 5M5 20h14",
  slash: "M5 4h14v16H5zM14 8l-4 8",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  forum: "M4 5h16v10H11l-4 4v-4H4zM8 8.5h8M8 11.5h5",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  reply: "M5 20v-6a5 5 0 0 1 5-5h10",
  forward: "M13 5l7 6-7 6v-4c-4 0-7 1-9 4 0-5 3-8 9-8z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  open: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  check: "M5 12.5l4.5 4.5L19 7.5",
};

/** An icon of 24 × 24 units in the text's colour. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Let arrow keys, Home and End move the focus among `root`'s elements that match `selector` (roving tabindex). */
export function enableArrowKeys(root, selector, { horizontal = false } = {}) {
  const [back, on] = horizontal ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  root.addEventListener("keydown", (event) => {
    const here = event.target.closest?.(selector);
    if (!here || event.target !== here) return;
    const all = [...root.querySelectorAll(selector)].filter((node) => !node.disabled && node.offsetParent !== null);
    const at = all.indexOf(here);
    const next = { [back]: all[at - 1], [on]: all[at + 1], Home: all[0], End: all.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    focusOnly(all, next);
  });
}

/** Make `chosen` the only tab stop of `all`, and focus it. */
export function focusOnly(all, chosen) {
  all.forEach((node) => (node.tabIndex = node === chosen ? 0 : -1));
  chosen.focus();
}

/** Format a number of bytes, for example "1.4 MB". */
export function formatBytes(count) {
  if (count < 1000) return `${count} bytes`;
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} KB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/** A function that calls `make` once, `wait` ms after the last of a burst of calls. */
export function debounce(wait, make) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => make(...args), wait);
  };
}

/** Show a short message at the bottom of the window; screen readers announce it. */
export function toast(text) {
  const box = document.getElementById("toasts");
  const note = el("p", { class: "toast" }, text);
  box.append(note);
  setTimeout(() => note.remove(), 4000);
}
