// Attachments: the picker above the composer (own file or sample clip) and the cards of the picked files.
import { formatBytes, el, icon, safeUrl } from "../ui/dom.js";

/** A file being uploaded; `ready` resolves with the upload or rejects with a sentence. */
export class Staged {
  constructor(api, file, poster = null) {
    Object.assign(this, { file, poster, error: "" });
    this.preview = poster ?? (/^(video|image)\//.test(file.type) ? URL.createObjectURL(file) : null);
    this.ready = api.upload(file);
    this.ready.then(
      (upload) => (this.upload = upload),
      (error) => (this.error = error.message),
    );
  }

  /** Release the preview. */
  drop() {
    if (this.preview?.startsWith("blob:")) URL.revokeObjectURL(this.preview);
  }
}

/** Upload a sample clip; rejects with a sentence if it cannot be read. */
export async function stageSample(api, sample) {
  const named = decodeURIComponent(new URL(sample.url, location.href).pathname.split("/").pop() ?? "");
  const name = /\.\w+$/.test(named) ? named : `${sample.name.replace(/\.\w+$/, "")}.mp4`;
  return new Staged(api, await api.fetchFile(sample.url, name), sample.poster_url);
}

/** The picker: `onFiles(list)` for own files, `onSample(sample)` for a sample clip. */
export function makePicker(samples, { title, onFiles, onSample, onClose }) {
  const input = el("input", {
    type: "file",
    hidden: true,
    "data-testid": "tray-file",
    onchange: () => input.files.length && onFiles([...input.files]),
  });
  const own = el(
    "button",
    { type: "button", class: "drop-card", onclick: () => input.click() },
    icon("upload"),
    el("b", {}, "Choose a file"),
    el("span", {}, "or drop or paste it here"),
  );
  const clips = samples.map((sample) => makeSampleCard(sample, onSample));
  const close =
    onClose &&
    el("button", { type: "button", class: "plain-icon", "aria-label": "Close", onclick: onClose }, icon("close"));
  return el(
    "div",
    { class: "picker" },
    el("div", { class: "picker-head" }, el("span", {}, title), close),
    el("div", { class: "picker-cards" }, own, clips, input),
  );
}

function makeSampleCard(sample, onSample) {
  const poster = safeUrl(sample.poster_url ?? "about:");
  return el(
    "button",
    {
      type: "button",
      class: "sample",
      dataset: { sample: sample.name },
      "aria-label": `Sample clip ${sample.label}, ${sample.seconds} seconds`,
      onclick: () => onSample(sample),
    },
    poster && el("img", { src: poster, alt: "", loading: "lazy" }),
    el("span", { class: "sample-label" }, sample.label),
    el("span", { class: "sample-seconds" }, `${Math.round(sample.seconds * 10) / 10} s`),
  );
}

/** The card of one staged file. */
export function makeCard(staged, onRemove) {
  const state = el("span", { class: "size" }, "Uploading…");
  const node = el(
    "div",
    { class: "staged", dataset: { filename: staged.file.name } },
    makePreview(staged),
    el("div", { class: "staged-text" }, el("b", {}, staged.file.name), state),
    el(
      "button",
      { type: "button", class: "plain-icon", "aria-label": `Remove ${staged.file.name}`, onclick: onRemove },
      icon("close"),
    ),
  );
  staged.ready.then(
    () => (state.textContent = formatBytes(staged.file.size)),
    (error) => {
      state.textContent = error.message;
      node.classList.add("invalid");
    },
  );
  return node;
}

function makePreview({ preview: url, poster, file }) {
  if (url && (poster || file.type.startsWith("image/"))) return el("img", { src: url, alt: "" });
  if (url) return el("video", { src: url, muted: true, preload: "metadata", playsinline: true, tabindex: -1 });
  return el("span", { class: "staged-icon" }, icon("file"));
}
