// Draw: a digit, and what LeNet-5 makes of it, stroke by stroke.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { models } from "../models.js";
import { Problem, activations, classify } from "../service.js";
import { make, percent } from "../show.js";
import { Board } from "./draw/board.js";
import { plain, unusual } from "./draw/examples.js";
import { Latest } from "./draw/latest.js";
import { paintBlank, paintMaps } from "./draw/maps.js";
import { paint, png, rasterised } from "./draw/raster.js";
import { BOARD, EMPTY, PEN, noisier, outline, read, redrawn, shifted, slanted, sound, squeezed, turned, written } from "./draw/strokes.js";

const PIXEL = BOARD / 28;
const REMEMBERED = 100; // drawings, to go back to
const WAYS = {
  left: (drawing) => shifted(drawing, -2 * PIXEL, 0),
  right: (drawing) => shifted(drawing, 2 * PIXEL, 0),
  up: (drawing) => shifted(drawing, 0, -2 * PIXEL),
  down: (drawing) => shifted(drawing, 0, 2 * PIXEL),
  narrower: (drawing) => squeezed(drawing, 0.85, 1),
  smaller: (drawing) => squeezed(drawing, 0.85, 0.85),
  turn: (drawing) => turned(drawing, 10),
  back: (drawing) => turned(drawing, -10),
  slant: (drawing) => slanted(drawing, 0.15),
  thicker: (drawing) => redrawn(drawing, 24),
  thinner: (drawing) => redrawn(drawing, -24),
  noise: noisier,
  clear: () => EMPTY,
};

export function mount(place) {
  const view = new Draw(place);
  view.start();
  return () => view.leave();
}

class Draw {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.board = new Board(this.find(".board"));
    this.seen = this.find(".seen canvas");
    this.bars = [...place.querySelectorAll(".outputs li")];
    this.layers = [...place.querySelectorAll(".layer canvas")];
    this.asker = new Asker(this.find(".answer"), () => this.blank());
    this.insideAsker = new Asker(this.find(".inside"), () => this.blankInside());
    // The maps take longer, and may have to wait their turn: the label does not wait for them.
    this.label = new Latest(
      this.question(this.asker, (blob, model, options) => classify(blob, { model, top_k: 10 }, options), (answer) => this.showAnswer(answer)),
    );
    this.maps = new Latest(
      this.question(
        this.insideAsker,
        (blob, model, options) => activations(blob, { model, layer: "*", units: "all", maps: "numbers" }, options),
        (inside) => this.showInside(inside),
      ),
    );
    this.centred = address.get("free") === null;
    this.before = [];
    this.off = [];
  }

  start() {
    this.asker.clear();
    this.insideAsker.clear();
    this.find(".plain").append(...plain.map(button));
    this.find(".unusual").append(...unusual.map(button));
    this.on(this.board, "stroke", () => this.look());
    this.on(this.board, "drawn", ({ detail }) => this.edit((drawing) => ({ ...drawing, strokes: [...drawing.strokes, detail] })));
    this.on(this.place, "click", (event) => this.click(event));
    this.on(this.find("#centred"), "change", ({ target }) => this.centre(target.checked));
    this.on(window, "booth:address", () => this.read());
    this.on(document, "keydown", (event) => this.key(event));
    this.on(matchMedia("(prefers-color-scheme: dark)"), "change", () => (this.inside ? this.showInside(this.inside) : this.blankInside()));
    this.read();
  }

  on(target, what, listener) {
    target.addEventListener(what, listener);
    this.off.push(() => target.removeEventListener(what, listener));
  }

  leave() {
    this.label.stop();
    this.maps.stop();
    for (const off of this.off) off();
    this.board.stop();
    this.asker.stop();
    this.insideAsker.stop();
    address.set({ ink: null, pen: null, noise: null, free: null });
  }

  // The drawing that the address tells.
  read() {
    const number = (name, usual) => Number.parseInt(address.get(name) ?? usual, 10) || usual;
    const drawing = { strokes: read(address.get("ink") ?? ""), pen: number("pen", PEN), noise: number("noise", 0) };
    this.find("#centred").checked = this.centred = address.get("free") === null;
    this.show(sound(drawing));
  }

  // Change the drawing, and remember what it was.
  edit(change) {
    const next = change(this.drawing);
    this.before = [...this.before, this.drawing].slice(-REMEMBERED);
    this.show(next);
  }

  undo() {
    const last = this.before.pop();
    if (last) this.show(last);
  }

  show(drawing) {
    this.drawing = drawing;
    this.board.show(drawing);
    this.find("[data-do=undo]").disabled = !this.before.length;
    const { strokes, pen, noise } = drawing;
    address.set({ ink: written(strokes), pen: pen === PEN ? null : pen, noise: noise || null, free: this.centred ? null : 1 });
    this.look();
  }

  centre(centred) {
    this.centred = centred;
    this.show(this.drawing);
  }

  // What is drawn now, a stroke that is under way too: what the network sees, and says.
  look() {
    const { strokes } = this.board;
    this.place.querySelector(".draw").dataset.drawn = String(strokes.length > 0);
    this.ink = strokes.length ? rasterised({ ...this.drawing, strokes }, this.centred) : null;
    paint(this.seen, this.ink ?? new Uint8ClampedArray(28 * 28));
    this.label.want();
    this.maps.want();
  }

  // What a question about the drawing does: what stands in its place stays until the answer comes,
  // since one stroke changes little.
  question(asker, ask, show) {
    return async () => {
      if (!this.ink) return asker.clear();
      const work = async (options) => ask(await png(this.seen), await digitModel(options), options);
      const shown = (answer) => {
        if (!this.ink) return;
        asker.place.dataset.state = "answer";
        show(answer);
        this.retry();
      };
      return asker.run(work, shown, { quietly: asker.place.dataset.state === "answer" });
    };
  }

  // One question was answered, so the service is there: what failed of the other is asked again.
  retry() {
    for (const [asker, latest] of [[this.asker, this.label], [this.insideAsker, this.maps]]) {
      if (asker.place.dataset.state === "problem") latest.want();
    }
  }

  showAnswer({ predictions }) {
    const [first] = predictions;
    this.find(".first").replaceChildren(make("b", {}, first.label), ` ${percent(first.confidence)}`);
    for (const one of predictions) {
      const bar = this.bars[one.index];
      bar.style.setProperty("--share", one.confidence.toFixed(4));
      bar.querySelector("b").textContent = percent(one.confidence);
      bar.classList.toggle("most", one === first);
    }
  }

  showInside(inside) {
    this.inside = inside;
    this.layers.forEach((canvas, at) => paintMaps(canvas, inside.layers[at]));
  }

  // What stands there while nothing is drawn.
  blank() {
    this.find(".first").textContent = "Draw a digit";
    for (const bar of this.bars) {
      bar.style.setProperty("--share", 0);
      bar.classList.remove("most");
      bar.querySelector("b").textContent = "";
    }
  }

  blankInside() {
    this.inside = null;
    for (const canvas of this.layers) paintBlank(canvas);
  }

  click(event) {
    const { dataset } = event.target.closest("button") ?? { dataset: {} };
    if (dataset.do === "undo") this.undo();
    else if (dataset.do in WAYS) this.edit(WAYS[dataset.do]);
    else if (dataset.example) this.edit(() => [...plain, ...unusual].find((one) => one.title === dataset.example).drawing);
  }

  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey;
    const isOnBoard = document.activeElement === this.board.canvas && !event.ctrlKey && !event.metaKey;
    if (isUndo || (isOnBoard && event.key === "Backspace")) this.undo();
    else if (isOnBoard && event.key === "Delete") this.edit(WAYS.clear);
    else return;
    event.preventDefault();
  }
}

// The name of a model for digits.
async function digitModel(options) {
  await models.load(options);
  const found = models.all.find((one) => one.content === "digits");
  if (!found) throw new Problem("LeNet-5 is not served here", "Name it in BOOTH_MODELS: it comes with Booth.", false);
  return found.name;
}

// An example's button, with its picture.
function button({ title, drawing }) {
  const made = make("button", { type: "button", title, "aria-label": title, "data-example": title });
  made.innerHTML = `<svg viewBox="0 0 ${BOARD} ${BOARD}" aria-hidden="true"><path d="${outline(drawing.strokes)}" stroke-width="${drawing.pen}"/></svg>`;
  return made;
}
