// Move: the photo under the network's window, and what the network says along the way.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { blank, told } from "../labels.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { Plot } from "./move/plot.js";
import { Problem, classify } from "../service.js";
import { stage } from "../stage.js";
import { Window } from "./move/window.js";

const SWEEP = 32; // pixels of the network's view: one step of its last layer
const STEP = 0.02; // of the frame, by an arrow key
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function mount(place) {
  const view = new Move(place);
  view.start();
  return () => view.leave();
}

class Move {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.result = this.find(".result");
    this.asker = new Asker(this.find(".answer"), () => this.result.replaceChildren(...unanswered()));
    this.plot = new Plot(this.find(".path canvas"));
    this.canvas = document.createElement("canvas");
    this.canvas.className = "window";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "The photograph under the network’s window: arrows move it, plus and minus zoom");
    this.input = null; // how the network takes a photo, from its card
    this.pointers = new Map();
    this.off = [];
  }

  start() {
    this.asker.clear();
    stage.element.append(this.canvas);
    this.on(photo, "taken", () => this.gone());
    this.on(photo, "change", ({ detail }) => this.another(detail.answers));
    this.on(stage, "state", ({ detail }) => detail === "camera" && this.gone());
    this.on(models, "change", () => this.begin());
    this.on(stage, "layout", () => this.window?.draw());
    this.on(this.place, "click", (event) => this.click(event));
    this.on(this.find("#zoom"), "input", ({ target }) => this.window?.zoomTo(2 ** target.value));
    this.on(this.canvas, "pointerdown", (event) => this.grip(event));
    this.on(this.canvas, "pointermove", (event) => this.pull(event));
    for (const what of ["pointerup", "pointercancel"]) this.on(this.canvas, what, (event) => this.pointers.delete(event.pointerId));
    this.on(this.canvas, "wheel", (event) => this.wheel(event), { passive: false });
    this.on(this.canvas, "keydown", (event) => this.key(event));
    this.begin();
  }

  on(target, what, listener, options) {
    target.addEventListener(what, listener, options);
    this.off.push(() => target.removeEventListener(what, listener, options));
  }

  leave() {
    this.left = true;
    this.sweeping = null;
    for (const off of this.off) off();
    this.asker.stop();
    this.canvas.remove();
    address.set({ x: null, y: null, zoom: null });
  }

  // Another photo, or none; a camera's frame is gone before it could be moved.
  another(answers) {
    if (!photo.current) this.gone();
    else if (!photo.current.live) answers.push(this.begin());
  }

  gone() {
    this.forget();
    this.put(null);
    this.asker.stop();
    this.asker.clear();
    this.find(".squeezed").hidden = true;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // What is moved; without it nothing moves.
  put(window) {
    this.window = window;
    for (const one of this.place.querySelectorAll(".moves input, .moves button")) one.disabled = !window;
  }

  // What was seen along the way.
  forget() {
    this.sweeping = null;
    this.plot.clear();
    this.find(".found").textContent = "";
  }

  // Look at the photo that there is.
  async begin() {
    this.forget();
    this.put(null);
    const prepared = async (options) => {
      await models.fill(this.find("#model"), options);
      this.input = (await models.card(models.chosen, options)).input;
      if (!photo.current || photo.current.live) return null;
      return decoded(photo.current.file ?? photo.current.blob);
    };
    return this.asker.run(prepared, (image) => {
      if (!image || this.left) return;
      const { size, resize } = this.input;
      this.put(new Window(this.canvas, image, resize / size, () => this.moved()));
      this.find(".squeezed").hidden = this.input.keep_aspect || image.naturalWidth === image.naturalHeight;
      const [x, y, zoom] = ["x", "y", "zoom"].map((name) => Number.parseFloat(address.get(name)));
      if ([x, y, zoom].every(Number.isFinite)) this.window.place({ x, y, zoom });
      this.moved();
    });
  }

  moved() {
    const { x, y, zoom } = this.window ?? {};
    if (zoom === undefined) return;
    const slider = this.find("#zoom");
    slider.value = Math.log2(zoom);
    this.find("output[for=zoom]").textContent = `${zoom.toFixed(1)}\u202f×`;
    address.set({ x: x.toFixed(4), y: y.toFixed(4), zoom: zoom.toFixed(3) });
    this.moves = true;
    if (!this.asking) this.ask();
  }

  // One question at a time; whatever moved meanwhile is asked of next.
  async ask() {
    this.asking = true;
    while (this.moves && this.window && !this.left) {
      this.moves = false;
      await this.answer();
    }
    this.asking = false;
  }

  answer() {
    const { window } = this;
    return this.asker.run(
      async (options) => classify(await window.content(2 * this.input.resize), { model: models.chosen, top_k: 20 }, options),
      (answer) => {
        if (window === this.window) this.show(answer);
      },
      { quietly: this.asker.place.dataset.state === "answer" },
    );
  }

  show(answer) {
    this.asker.place.dataset.state = "answer";
    this.result.replaceChildren(...told({ ...answer, predictions: answer.predictions.slice(0, 5) }));
    this.plot.add(answer);
  }

  click(event) {
    const does = event.target.closest("button")?.dataset.do;
    if (does === "home") this.window?.home();
    if (does === "sweep") this.sweep();
  }

  // Shift the photo by one of the network's pixels after the other: does the answer stay?
  async sweep() {
    if (!this.window || this.sweeping === this.window) return;
    this.forget();
    const window = (this.sweeping = this.window);
    const pixel = window.pixels / this.input.size;
    window.shift((-SWEEP / 2) * pixel, 0);
    for (let step = 0; step < SWEEP && this.sweeping === window && !this.left; step += 1) {
      window.shift(pixel, 0);
      while (this.asking && !this.left) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.sweeping !== window || this.left) return;
    this.sweeping = null;
    const { changes } = this.plot;
    this.find(".found").textContent = changes
      ? `Over ${SWEEP} shifts of one pixel, the first label changed ${changes === 1 ? "once" : `${changes} times`}.`
      : `Over ${SWEEP} shifts of one pixel, the first label stayed.`;
  }

  grip(event) {
    this.sweeping = null;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  // One finger drags, two zoom.
  pull(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.window) return;
    const spread = () => {
      const [[ax, ay], [bx, by]] = [...this.pointers.values()];
      return Math.hypot(ax - bx, ay - by);
    };
    const isPinch = this.pointers.size === 2;
    const wide = isPinch ? spread() : 0;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const share = 1 / this.pointers.size;
    this.window.drag((event.clientX - before[0]) * share, (event.clientY - before[1]) * share);
    if (isPinch) this.window.zoomTo(this.window.zoom * (spread() / Math.max(wide, 1)));
  }

  wheel(event) {
    if (!this.window) return;
    event.preventDefault();
    this.window.zoomTo(this.window.zoom * 2 ** (-event.deltaY / 500));
  }

  key(event) {
    const by = KEYS[event.key];
    if (!this.window || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = this.window.pixels * (event.shiftKey ? 1 / this.input.size : STEP);
    if (by) this.window.shift(by[0] * step, by[1] * step);
    else if (event.key === "+" || event.key === "=") this.window.zoomTo(this.window.zoom * 1.1);
    else if (event.key === "-") this.window.zoomTo(this.window.zoom / 1.1);
    else return;
    event.preventDefault();
  }
}

const unanswered = () => blank(stage.element.dataset.state === "camera" ? "Only a still photo can be moved" : undefined);

async function decoded(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
  } catch {
    throw new Problem("This browser can’t show that photo", "To move it, choose one that it can, such as a JPEG.", false);
  }
  return image;
}
