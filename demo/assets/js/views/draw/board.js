// The board: strokes by mouse, finger, pen or keys.

import { drawStrokes, noiseAt, SIDE } from "./raster.js";
import { BOARD, simplified } from "./strokes.js";

const STEP = 30; // of the keys' pen; with Shift the fine one
const FINE_STEP = 8;
const CLOSE = 5; // a point so near the last one adds nothing
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Tells "stroke" (a stroke goes on: `strokes` has it), and "drawn" when it is over.
export class Board extends EventTarget {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.drawing = null;
    this.stroke = null; // under way
    this.pointer = null; // that draws it
    this.cursor = [BOARD / 2, BOARD / 4]; // the keys' pen
    this.sizes = new ResizeObserver(() => this.paint());
    this.sizes.observe(canvas);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.paint();
    this.scheme.addEventListener("change", this.repaint);
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const what of ["pointerup", "pointercancel"]) canvas.addEventListener(what, (event) => this.up(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const what of ["focus", "blur"]) canvas.addEventListener(what, this.repaint);
  }

  stop() {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
  }

  show(drawing) {
    this.drawing = drawing;
    this.stroke = this.pointer = null;
    this.paint();
  }

  // All strokes, the one under way too.
  get strokes() {
    return this.stroke ? [...this.drawing.strokes, this.stroke] : this.drawing.strokes;
  }

  down(event) {
    if (this.pointer !== null || event.button) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.lift();
    this.pointer = event.pointerId;
    this.byKeys = false;
    this.stroke = [this.place(event)];
    this.went();
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.reach(this.place(one));
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.lift();
  }

  reach(point) {
    const [x, y] = this.stroke.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < CLOSE) return;
    this.stroke.push(point);
    this.went();
  }

  lift() {
    if (!this.stroke) return;
    const whole = simplified(this.stroke);
    this.stroke = null;
    this.dispatchEvent(new CustomEvent("drawn", { detail: whole }));
  }

  went() {
    this.paint();
    this.dispatchEvent(new Event("stroke"));
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [((clientX - left) / width) * BOARD, ((clientY - top) / height) * BOARD].map(Math.round);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.pointer !== null) return;
    const by = KEYS[event.key];
    if (by) this.step(by, event.shiftKey ? FINE_STEP : STEP);
    else if (event.key === " " && !event.repeat) this.press();
    else if (event.key === "Escape" && this.stroke) this.lift();
    else return;
    event.preventDefault();
  }

  step(by, length) {
    this.byKeys = true;
    this.cursor = this.cursor.map((at, axis) => Math.min(Math.max(at + by[axis] * length, 0), BOARD));
    if (this.stroke) this.reach(this.cursor);
    else this.paint();
  }

  // Put the keys' pen down, or lift it.
  press() {
    this.byKeys = true;
    if (this.stroke) return this.lift();
    this.stroke = [this.cursor];
    return this.went();
  }

  paint() {
    const { canvas } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (!this.drawing || !side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.setTransform(side / BOARD, 0, 0, side / BOARD, 0, 0);
    context.clearRect(0, 0, BOARD, BOARD);
    context.strokeStyle = context.fillStyle = style.color;
    drawStrokes(context, this.strokes, this.drawing.pen);
    this.paintNoise(context, style);
    if (this.byKeys && document.activeElement === canvas) this.paintCursor(context, style);
  }

  paintNoise(context, style) {
    const side = BOARD / SIDE;
    for (let place = 0; place < SIDE * SIDE; place += 1) {
      const value = noiseAt(this.drawing.noise, place);
      if (value === null) continue;
      context.fillStyle = value ? style.color : style.backgroundColor;
      context.fillRect((place % SIDE) * side, Math.floor(place / SIDE) * side, side, side);
    }
  }

  paintCursor(context, style) {
    const [x, y] = this.cursor;
    context.beginPath();
    context.arc(x, y, this.drawing.pen / 2 + 10, 0, 2 * Math.PI);
    context.lineWidth = this.stroke ? 10 : 5;
    context.strokeStyle = style.getPropertyValue("--curtain");
    context.stroke();
  }
}
