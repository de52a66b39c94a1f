// Formats times as the chat shows them, and keeps relative ones ("in 5 minutes") up to date.
import { el } from "./dom.js";

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const format = (options, date) => new Intl.DateTimeFormat("en", options).format(date);

/** "in 5 minutes" or "3 hours ago" for seconds since 1970. */
function formatRelative(epoch, now = Date.now() / 1000) {
  const gap = Math.round(epoch - now);
  const [unit, size] = UNITS.find(([, seconds]) => Math.abs(gap) >= seconds) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat("en").format(Math.trunc(gap / size), unit);
}

/** The element for `<t:epoch:style>` (Discord docs, Reference, Timestamp Styles; the default is f). */
export function timestamp(epoch, style = "f") {
  const date = new Date(epoch * 1000);
  if (Number.isNaN(date.getTime())) return el("span", {}, "Invalid date");
  const props = { class: "stamp", datetime: date.toISOString(), title: format(STYLES.F, date) };
  if (style !== "R") return el("time", props, format(STYLES[style] ?? STYLES.f, date));
  return el("time", { ...props, dataset: { relative: epoch } }, formatRelative(epoch));
}

/** "Today at 7:06 PM", "Yesterday at …", else the date and time. */
export function formatMessageTime(iso) {
  const date = new Date(iso);
  const days = Math.round((midnight(new Date()) - midnight(date)) / 86_400_000);
  if (days === 0) return `Today at ${formatTime(iso)}`;
  return days === 1 ? `Yesterday at ${formatTime(iso)}` : `${format(STYLES.d, date)} ${formatTime(iso)}`;
}

/** "7:06 PM". */
export const formatTime = (iso) => format(STYLES.t, new Date(iso));

/** "November 22, 2026", equal for all times of one local day. */
export const formatDay = (iso) => format(STYLES.D, new Date(iso));

/** "19:06:42" for seconds since 1970. */
export const formatSeconds = (epoch) => new Date(epoch * 1000).toLocaleTimeString("en-GB");

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** Update every relative time in the document once a second. */
export function startRelativeTimes() {
  setInterval(() => {
    for (const node of document.querySelectorAll("time[data-relative]")) {
      const text = formatRelative(Number(node.dataset.relative));
      if (node.textContent !== text) node.textContent = text;
    }
  }, 1000);
}
