// Light on the part of the photo that a label looked at: the rest is greyed and dimmed, by a canvas
// over it. What the network did not see lies outside of a frame, and stays a bit dimmer.

import { make } from "../../../show.js";
import { stage } from "../../../stage.js";
import { isWhole } from "../answers.js";
import { enlarge } from "./enlarge.js";

const CELLS = 144; // of the shade, along the photo's longer side
const MOST_PIXELS = 1280; // of the canvas, along its longer side
const EASE_MS = 280;
const DARK_BELOW = 0.12; // values of the map: dark up to here,
const LIT_FROM = 0.62; // wholly lit from here on
const UNSEEN = 0.45; // shade of what the network did not see

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Light {
  constructor() {
    this.canvas = make("canvas.light", { "aria-hidden": "true" });
    this.frame = make("i.frame", { "aria-hidden": "true" });
    this.mask = document.createElement("canvas");
    this.photo = document.createElement("canvas"); // greyed and dimmed, as large as the other
    this.seen = ""; // the photo, and the size, that it was made of
    this.view = null;
    this.layOut = () => this.draw();
    stage.addEventListener("layout", this.layOut);
  }

  // Light a region, with a strength from 0 to 1; without one, what the network saw.
  show({ view, region = null, strength = 1 }) {
    if (!this.view || !sameShape(this.view, view)) this.restart(view);
    this.view = view;
    this.outline(view);
    this.goTo(shade(this.mask.width, this.mask.height, view, region, strength));
  }

  clear() {
    cancelAnimationFrame(this.frameAsked);
    this.view = null;
    this.canvas.remove();
    this.frame.remove();
  }

  stop() {
    this.clear();
    stage.removeEventListener("layout", this.layOut);
  }

  restart({ width, height }) {
    const scale = CELLS / Math.max(width, height);
    this.mask.width = Math.max(1, Math.round(width * scale));
    this.mask.height = Math.max(1, Math.round(height * scale));
    this.shade = new Float32Array(this.mask.width * this.mask.height);
    this.seen = "";
    this.frame.classList.remove("drawn");
    stage.overlay.append(this.canvas, this.frame);
  }

  outline({ width, height, box }) {
    if (isWhole({ width, height, box })) {
      this.frame.classList.remove("drawn");
      return;
    }
    const [x, y, w, h] = box;
    Object.assign(this.frame.style, {
      left: `${(100 * x) / width}%`,
      top: `${(100 * y) / height}%`,
      width: `${(100 * w) / width}%`,
      height: `${(100 * h) / height}%`,
    });
    this.frame.classList.add("drawn");
  }

  goTo(target) {
    cancelAnimationFrame(this.frameAsked);
    const from = this.shade;
    const start = performance.now();
    const step = (now) => {
      const share = still.matches ? 1 : Math.min(1, Math.max(0, (now - start) / EASE_MS));
      const eased = 1 - (1 - share) ** 3;
      this.shade = from.map((value, at) => value + eased * (target[at] - value));
      this.draw();
      if (share < 1) this.frameAsked = requestAnimationFrame(step);
    };
    step(start);
  }

  draw() {
    if (!this.view || !(isLive() || stage.shown.naturalWidth)) return;
    this.prepare();
    this.drawMask();
    const { canvas } = this;
    const context = canvas.getContext("2d");
    context.globalCompositeOperation = "copy";
    context.drawImage(this.photo, 0, 0);
    context.globalCompositeOperation = "destination-in";
    context.imageSmoothingQuality = "high";
    context.drawImage(this.mask, 0, 0, canvas.width, canvas.height);
  }

  // The greyed photo changes with the photo and with its size on the screen alone.
  prepare() {
    const { width, height } = stage.overlay.getBoundingClientRect();
    const scale = Math.min(devicePixelRatio, MOST_PIXELS / Math.max(width, height, 1));
    const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    const seen = `${isLive() ? "live" : stage.shown.src} ${size}`;
    if (seen === this.seen) return;
    this.seen = seen;
    for (const one of [this.canvas, this.photo]) [one.width, one.height] = size;
    const context = this.photo.getContext("2d");
    if (!isLive()) {
      context.drawImage(stage.shown, 0, 0, ...size);
      wash(context, "saturation", "rgb(128 128 128 / 80%)");
    }
    wash(context, "source-over", "rgb(24 20 17 / 58%)"); // alone, it darkens what moves below it
  }

  drawMask() {
    const { width, height } = this.mask;
    const context = this.mask.getContext("2d");
    const image = context.createImageData(width, height);
    this.shade.forEach((value, at) => (image.data[4 * at + 3] = Math.round(255 * value)));
    context.putImageData(image, 0, 0);
  }
}

function wash(context, operation, colour) {
  context.globalCompositeOperation = operation;
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

const isLive = () => stage.element.dataset.state === "camera";
const sameShape = (one, other) => one.width === other.width && one.height === other.height;

// How dark each cell of the photo is, 0 to 1.
function shade(columns, rows, { width, height, box: [x, y, w, h] }, region, strength) {
  const inside = region ? enlarge(region.map, along(columns, width, x, w), along(rows, height, y, h)) : null;
  const dark = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const [px, py] = [((column + 0.5) * width) / columns, ((row + 0.5) * height) / rows];
      const isSeen = px >= x && px <= x + w && py >= y && py <= y + h;
      const lit = inside && isSeen ? step(inside[at]) : 0;
      dark[at] = region ? Math.max(isSeen ? 0 : UNSEEN, strength * (1 - lit)) : isSeen ? 0 : UNSEEN;
    }
  }
  return dark;
}

// Where the cells of one side lie in the part that the network saw: 0 to 1 inside of it.
const along = (count, size, start, length) =>
  Array.from({ length: count }, (_, at) => (((at + 0.5) * size) / count - start) / length);

function step(value) {
  const share = Math.min(1, Math.max(0, (value - DARK_BELOW) / (LIT_FROM - DARK_BELOW)));
  return share * share * (3 - 2 * share);
}
