// What the kernel makes of the whole photo, over the photo, up to a line that can be moved.

import { stage } from "../../stage.js";
import { make } from "../../show.js";
import { planes } from "./pixels.js";
import { toCanvas } from "./plane_view.js";

const MOST = 900; // pixels of the longer side

export class Wipe {
  // changed(share): where the line is now, from 0 to 100.
  constructor(changed) {
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.slider = make("input.line", { type: "range", min: 0, max: 100, "aria-label": "How much of the photograph is as it was" });
    this.window = make("i.window");
    this.element = make("div.wipe", {}, this.canvas, this.window, this.slider, make("i.handle"));
    this.slider.addEventListener("input", () => {
      this.place(Number(this.slider.value));
      changed(Number(this.slider.value));
    });
  }

  place(share) {
    this.slider.value = share;
    this.element.style.setProperty("--wipe", `${share}%`);
  }

  // picture: the photo; applied(planes) gives {planes, range}, as large or smaller by an edge.
  paint(picture, pixels, applied) {
    if (stage.overlay !== this.element.parentElement) stage.overlay.replaceChildren(this.element);
    const { clientWidth, clientHeight } = stage.overlay;
    if (!clientWidth) return;
    const scale = Math.min(1, MOST / Math.max(clientWidth, clientHeight));
    const size = { width: Math.round(clientWidth * scale), height: Math.round(clientHeight * scale) };
    const result = applied(planes(picture, size, pixels));
    Object.assign(this.canvas, size);
    const [{ width, height }] = result.planes;
    this.canvas.getContext("2d").drawImage(toCanvas(result.planes, result.range), (size.width - width) / 2, (size.height - height) / 2);
  }

  // The window that slides, as [left, top, width, height] in shares of the photo.
  mark(box) {
    const [left, top, width, height] = box.map((one) => `${(100 * one).toFixed(3)}%`);
    Object.assign(this.window.style, { left, top, width, height });
  }

  remove() {
    this.element.remove();
  }
}
