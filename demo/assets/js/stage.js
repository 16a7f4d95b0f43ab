// Where the photo is seen, and the ways to choose one: button, drop, paste, samples.

import { NoSuchSample, photo } from "./photo.js";

const QUICK_MS = 250;
const TEXT = "textarea, input:not([type=range], [type=radio], [type=checkbox], [type=file])"; // has its own paste
const find = (selector) => document.querySelector(`#photo ${selector}`);

class Stage extends EventTarget {
  // Bring the place to life, once.
  start() {
    this.section = document.querySelector("#photo"); // hidden in views without a photo
    this.notice = document.querySelector("#booth > .notice"); // seen in every view
    this.element = find(".stage");
    this.shown = find(".shown");
    this.live = find(".live");
    this.overlay = find(".overlay"); // lies exactly on the photo; views draw into it
    this.note = find(".note");
    this.input = find("input[type=file]");
    this.ondrop = null; // what a view does itself with {dataTransfer}; it gives whether it took it
    new ResizeObserver(() => this.layOut()).observe(this.element);
    this.shown.addEventListener("load", () => this.seen());
    this.shown.addEventListener("error", () => this.show("unseen"));
    this.live.addEventListener("resize", () => this.layOut());
    photo.addEventListener("asked", (event) => this.mark(event.detail.sample));
    photo.addEventListener("taken", (event) => this.preview(event.detail));
    photo.addEventListener("change", () => photo.current || this.clear());
    this.listen();
  }

  show(state) {
    this.element.dataset.state = state;
    this.layOut();
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  say(text) {
    (this.section.hidden ? this.notice : this.note).textContent = text;
  }

  // What was said is over.
  hush() {
    this.note.textContent = "";
    this.notice.replaceChildren();
  }

  clear() {
    this.overlay.replaceChildren();
    this.show("empty");
  }

  preview({ file, sample }) {
    this.say("");
    this.mark(sample);
    this.overlay.replaceChildren();
    find(".unseen b").textContent = file.name;
    URL.revokeObjectURL(this.shown.src);
    this.shown.alt = sample ? find(`[data-sample="${CSS.escape(sample)}"]`)?.title ?? "" : "Your photograph";
    this.shown.src = URL.createObjectURL(file);
  }

  seen() {
    this.element.style.setProperty("--photo", `url("${this.shown.src}")`);
    if (this.element.dataset.state !== "camera") this.show("photo");
  }

  mark(sample) {
    for (const button of document.querySelectorAll("#photo [data-sample]")) {
      button.setAttribute("aria-pressed", String(button.dataset.sample === sample));
    }
  }

  // How much of the photo is sent, 0 to 1; gives the words for it, or "" where it needs no telling.
  sending(share) {
    const bar = find(".sending");
    if (share === 0) this.since = performance.now();
    bar.hidden = share >= 1 || performance.now() - this.since < QUICK_MS;
    if (bar.hidden) return "";
    bar.querySelector("progress").value = share;
    return (bar.querySelector("span").textContent = `Sending ${Math.round(100 * share)}\u202f%`);
  }

  // The overlay lies on the photo as it is drawn, whatever its shape.
  layOut() {
    const { width, height } = this.element.getBoundingClientRect();
    const camera = this.element.dataset.state === "camera";
    const own = camera
      ? [this.live.videoWidth, this.live.videoHeight]
      : [this.shown.naturalWidth, this.shown.naturalHeight];
    if (!own[0] || !width) return;
    const scale = Math.min(width / own[0], height / own[1]);
    const [shownWidth, shownHeight] = own.map((side) => side * scale);
    Object.assign(this.overlay.style, {
      left: `${(width - shownWidth) / 2}px`,
      top: `${(height - shownHeight) / 2}px`,
      width: `${shownWidth}px`,
      height: `${shownHeight}px`,
    });
    this.dispatchEvent(new Event("layout"));
  }

  // What was dropped or pasted.
  hand(dataTransfer) {
    this.say("");
    if (this.ondrop?.({ dataTransfer })) return;
    if (dataTransfer.files.length) this.take(dataTransfer.files);
    else this.say("That was no file: save the picture first, then drop its file.");
  }

  take(files) {
    const list = [...files];
    if (!list.length) return;
    if (list.length > 1) {
      this.dispatchEvent(new CustomEvent("several", { detail: list }));
      return;
    }
    this.tried(photo.take(list[0]));
    this.dispatchEvent(new Event("single"));
  }

  async tried(taking) {
    try {
      await taking;
    } catch (cause) {
      console.warn(cause);
      this.mark(photo.current?.sample ?? null);
      this.say(
        cause instanceof NoSuchSample
          ? "There is no such sample photograph: choose another one."
          : "That photo could not be fetched: the connection may be gone. Try it again.",
      );
    }
  }

  listen() {
    document.querySelector("#photo").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.sample) this.tried(photo.takeSample(button.dataset.sample));
      else if (button?.dataset.do === "choose") this.input.click();
    });
    this.input.addEventListener("change", () => {
      this.take(this.input.files);
      this.input.value = "";
    });
    document.addEventListener("paste", ({ target, clipboardData }) => {
      const { files = [], types = [] } = clipboardData ?? {};
      // A picture that was copied is no entry of a folder, so that its items are left out.
      if (files.length || (types.length && !target.closest?.(TEXT))) this.hand({ files, items: [] });
    });
    // The whole page takes the drop: a file let go beside the place must not replace the page.
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) this.element.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      this.element.classList.remove("over");
      this.hand(event.dataTransfer);
    });
  }
}

export const stage = new Stage();
