// The sheet that the photographs lie on: moved by finger, mouse, wheel and keys, looked at closer,
// and morphed from one layout to another.

import { make } from "../../show.js";

const LARGEST = 8; // times the whole map
export const STEP = 1.5; // by a button or a key
const TURN = 80; // pixels of a turn of the wheel, at most
const EDGE = 7; // pixels around the layout, for the frame of what is chosen
const SLIP = 6; // pixels that a finger may slip and still tap
const MORPH_MS = 900;
const THUMBNAIL = 0.205; // of a fourth of the map's longer side: what the layout has room for
const SHARPEST = 128; // pixels of a thumbnail on the sheet
const CALM = window.matchMedia("(prefers-reduced-motion: reduce)");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Chart extends EventTarget {
  // element: its place; "draw" tells that what is seen has moved.
  constructor(element) {
    super();
    this.element = element;
    this.items = []; // {element, positions: {first, last}}
    this.side = "last";
    this.mix = 1; // 0: as by the first layer, 1: as by the last
    this.zoom = 1;
    this.middle = [0.5, 0.5];
    this.kept = null; // the item that stays in the middle of a closer look
    this.pointers = new Map();
    this.off = [];
  }

  start() {
    this.sized = new ResizeObserver(() => this.measure());
    this.sized.observe(this.element);
    this.measure();
    this.on("pointerdown", (event) => this.grip(event));
    this.on("pointermove", (event) => this.pull(event));
    for (const what of ["pointerup", "pointercancel"]) this.on(what, (event) => this.letGo(event));
    this.on("click", (event) => this.slipped && event.stopImmediatePropagation(), { capture: true });
    this.on("wheel", (event) => this.wheel(event), { passive: false });
    this.on("keydown", (event) => this.key(event));
    this.on("focusin", (event) => this.show(event.target));
  }

  on(what, listener, options) {
    this.element.addEventListener(what, listener, options);
    this.off.push(() => this.element.removeEventListener(what, listener, options));
  }

  stop() {
    for (const off of this.off) off();
    this.sized.disconnect();
    cancelAnimationFrame(this.frame);
  }

  measure() {
    const { width, height } = this.element.getBoundingClientRect();
    this.size = [width - 2 * EDGE, height - 2 * EDGE];
    // The layouts are four wide and three high; on a screen that stands upright they lie on their side.
    this.turned = height > width;
    const [long, short] = this.turned ? [height, width] : [width, height];
    this.thumbnail = THUMBNAIL * Math.min(long / 4, short / 3);
    this.draw();
  }

  put(items) {
    this.items = items;
    const { focused } = this;
    this.element.querySelector(".thumbs").replaceChildren(...items.map((one) => one.element));
    if (focused) this.focus(focused); // taken out and put back, it has lost it
    this.rove(items.find((one) => one.element.tabIndex === 0) ?? items[0]);
    this.draw();
  }

  get focused() {
    return this.items.find((one) => one.element === document.activeElement);
  }

  // Where an item lies by the layout in view, from 0 to 1 of the map.
  at({ positions }) {
    const [a, b] = [positions.first, positions.last];
    const [x, y] = [0, 1].map((axis) => a[axis] + this.mix * (b[axis] - a[axis]));
    return this.turned ? [y, x] : [x, y];
  }

  // Likewise in pixels of the element.
  pixels(item) {
    return this.at(item).map((share, axis) => EDGE + this.size[axis] * (0.5 + this.zoom * (share - this.middle[axis])));
  }

  draw() {
    if (!(this.size?.[0] > 0)) return;
    const side = Math.min(this.thumbnail * this.zoom, SHARPEST);
    this.element.style.setProperty("--thumb", `${side.toFixed(1)}px`);
    this.element.classList.toggle("closer", this.zoom > 1);
    for (const item of this.items) {
      const [x, y] = this.pixels(item);
      item.element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
    }
    this.dispatchEvent(new Event("draw"));
  }

  // To the layout of another layer; at once where motion is unwanted.
  morph(side) {
    this.side = side;
    cancelAnimationFrame(this.frame);
    const [from, to] = [this.mix, side === "last" ? 1 : 0];
    if (CALM.matches || document.hidden || from === to) return this.moved(to);
    const start = performance.now();
    const step = (now) => {
      const share = Math.min(1, (now - start) / MORPH_MS);
      this.moved(from + (to - from) * (share * share * (3 - 2 * share)));
      if (share < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  moved(mix) {
    this.mix = mix;
    this.element.dataset.mix = mix.toFixed(2);
    if (this.kept && this.zoom > 1) this.middle = this.at(this.kept);
    this.bound();
    this.findOne();
  }

  // Look closer, with what is at this point, in pixels of the element, staying there; by a button or
  // a key, with what is chosen or has the focus in the middle.
  zoomBy(factor, point = null) {
    const before = this.zoom;
    this.zoom = Math.min(LARGEST, Math.max(1, before * factor));
    const gain = 1 / before - 1 / this.zoom;
    const kept = this.kept ?? this.focused;
    if (point) this.middle = this.middle.map((at, axis) => at + gain * (point[axis] / this.size[axis] - 0.5));
    else if (kept) this.middle = this.at(kept);
    this.bound();
    this.findOne();
  }

  // Where no photograph is in view, move the least way to one.
  findOne() {
    const ways = this.items.map((one) => this.away(one));
    if (!ways.length || ways.some((way) => !way.some(Boolean))) return;
    this.panBy(ways.reduce((best, way) => (Math.hypot(...way) < Math.hypot(...best) ? way : best)));
  }

  whole() {
    this.zoom = 1;
    this.bound();
  }

  panBy(pixels) {
    this.middle = this.middle.map((at, axis) => at - pixels[axis] / this.size[axis] / this.zoom);
    this.bound();
  }

  bound() {
    const margin = 0.5 / this.zoom;
    this.middle = this.middle.map((at) => Math.min(1 - margin, Math.max(margin, at)));
    this.draw();
  }

  local({ clientX, clientY }) {
    const { left, top } = this.element.getBoundingClientRect();
    return [clientX - left - EDGE, clientY - top - EDGE];
  }

  grip(event) {
    if (event.button) return;
    if (!this.pointers.size) {
      this.slipped = false;
      this.began = this.local(event);
    }
    this.pointers.set(event.pointerId, this.local(event));
  }

  pull(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.local(event);
    if (!this.slipped && Math.hypot(now[0] - this.began[0], now[1] - this.began[1]) < SLIP && this.pointers.size < 2) return;
    if (!this.slipped) {
      this.slipped = true;
      for (const id of this.pointers.keys()) this.element.setPointerCapture(id);
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) this.pinch(before, now, other);
    else this.panBy([now[0] - before[0], now[1] - before[1]]);
  }

  pinch(before, now, other) {
    const away = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    const middle = [0, 1].map((axis) => (now[axis] + other[axis]) / 2);
    this.zoomBy(away(now) / Math.max(1, away(before)), middle);
    this.panBy([0, 1].map((axis) => (now[axis] - before[axis]) / 2));
  }

  letGo(event) {
    this.pointers.delete(event.pointerId);
  }

  // The whole map lets the page scroll on.
  wheel(event) {
    if (this.zoom === 1 && event.deltaY > 0) return;
    event.preventDefault();
    this.zoomBy(2 ** (-Math.max(-TURN, Math.min(TURN, event.deltaY)) / 160), this.local(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { "+": () => this.zoomBy(STEP), "=": () => this.zoomBy(STEP), "-": () => this.zoomBy(1 / STEP), 0: () => this.whole() };
    const does = keys[event.key] ?? (ARROWS[event.key] && (() => this.step(ARROWS[event.key])));
    if (!does) return;
    event.preventDefault();
    does();
  }

  // Focus goes to the nearest item in a direction.
  step([right, down]) {
    const here = this.items.find((one) => one.element.tabIndex === 0);
    const [x, y] = this.pixels(here);
    const cost = (item) => {
      const [dx, dy] = this.pixels(item).map((at, axis) => at - [x, y][axis]);
      const along = dx * right + dy * down;
      return along > 0 ? along + 2 * Math.abs(dx * down) + 2 * Math.abs(dy * right) : Infinity;
    };
    const found = this.items.map((item) => [cost(item), item]).reduce((best, one) => (one[0] < best[0] ? one : best), [Infinity]);
    if (found[1]) this.focus(found[1]);
  }

  focus(item) {
    this.rove(item);
    item.element.focus({ preventScroll: true });
  }

  rove(item) {
    for (const one of this.items) one.element.tabIndex = one === item ? 0 : -1;
  }

  // What has the focus is seen.
  show(element) {
    const item = this.items.find((one) => one.element === element);
    if (!item) return;
    this.rove(item);
    const away = this.away(item);
    if (away.some(Boolean)) this.panBy(away);
  }

  // How far an item is out of view, as [right, down] in pixels that bring it there; [0, 0] if it is seen.
  away(item) {
    return this.pixels(item).map((at, axis) => Math.min(0, this.size[axis] - 12 - at) + Math.max(0, 24 - at));
  }
}

// Lines from one item to others, drawn under the thumbnails.
export function lines(chart, from, sides) {
  const [x, y] = chart.pixels(from);
  return Object.entries(sides).flatMap(([side, items]) =>
    items.map((item) => {
      const [right, down] = chart.pixels(item);
      return svg("line", { "data-by": side, x1: x, y1: y, x2: right, y2: down });
    }),
  );
}

function svg(kind, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export const thumbnail = (label) => make("button.thumb", { type: "button", "aria-pressed": "false", "aria-label": label });
