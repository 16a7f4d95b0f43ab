// Play: a small network in the plane. It learns in the browser, and all that it does is seen.

import * as address from "../address.js";
import { Form } from "./play/form.js";
import { Graph } from "./play/graph.js";
import { BOUNDS, MOST_LAYERS, PIECES, STEERS, pieceOf, read, written } from "./play/settings.js";
import { Survey } from "./play/survey.js";
import { Training } from "./play/training.js";
import { curve } from "./play/curve.js";
import { field, marks, tones } from "./play/paint.js";
import { percent as shareText } from "../show.js";
import { unitTitle } from "./play/formula.js";

const SIDE = 48; // cells of the plane, either way
const WORK_MS = 12; // of learning between two frames, at most
const PACE = 0.06; // epochs a millisecond, where each is to be seen
const MOST_DUE = 8; // epochs between two frames that a slow machine may catch up
const TELL_MS = 10000; // between two sentences for those who hear the page
const UNITS = 4; // of a new layer
const MOST_EPOCHS = 2000; // that a link makes a browser learn

const percent = (share) => (share === 1 ? "100\u202f%" : shareText(share));

export function mount(place) {
  const view = new Play(place);
  view.start();
  return () => view.leave();
}

class Play {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.form = new Form(this.find("form"), (name, value) => this.set({ [name]: value }));
    this.graph = new Graph(this.find(".graph"), this.find(".reading"));
    this.mode = null; // "watch", "end", or null: it rests
    this.off = [];
  }

  start() {
    this.on(this.place, "click", (event) => this.click(event));
    this.on(this.graph, "look", () => this.paintPlane());
    this.on(this.graph, "resize", ({ detail }) => this.resize(detail));
    this.on(window, "booth:address", () => this.fromAddress());
    this.on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.recolour());
    this.size = new ResizeObserver(() => this.recolour());
    this.size.observe(this.find(".plane"));
    this.fromAddress();
  }

  on(target, what, listener) {
    target.addEventListener(what, listener);
    this.off.push(() => target.removeEventListener(what, listener));
  }

  leave() {
    this.rest();
    this.size.disconnect();
    for (const off of this.off) off();
    address.set({ ...Object.fromEntries(Object.keys(this.settings).map((name) => [name, null])), epoch: null });
  }

  // A link brings back the settings, and the network as it was after so many epochs.
  fromAddress() {
    this.settings = read(address.get);
    const epoch = Number(address.get("epoch"));
    this.begin();
    if (epoch > 0) this.run("end", Math.min(epoch, MOST_EPOCHS));
  }

  set(change) {
    const steers = Object.keys(change).every((name) => STEERS.includes(name));
    this.settings = { ...this.settings, ...change };
    if (!steers || !this.training.epoch) return this.begin();
    this.training.steer(this.settings);
    this.until = this.settings.epochs;
    this.showSettings();
    this.draw();
  }

  begin() {
    this.rest();
    this.training = new Training(this.settings);
    this.survey = new Survey(this.settings.inputs, SIDE);
    this.graph.lay(this.settings, this.training.network);
    this.showSettings();
    this.recolour();
  }

  showSettings() {
    const piece = pieceOf(this.settings);
    this.form.show(this.settings);
    this.find(".layers output").textContent = this.settings.hidden.length;
    for (const button of this.place.querySelectorAll("[data-piece]")) button.setAttribute("aria-pressed", String(button.dataset.piece === piece));
    for (const one of this.place.querySelectorAll("[data-see]")) one.classList.toggle("now", one.dataset.see === piece);
    this.note();
  }

  note() {
    const { epoch, steered } = this.training;
    address.set({ ...written(this.settings), epoch: epoch && !steered ? String(epoch) : null });
  }

  click({ target }) {
    const { do: does, piece, layers } = target.closest("button")?.dataset ?? {};
    if (piece) this.set(PIECES[piece]);
    else if (layers) this.layers(Number(layers));
    else if (does) this[does]();
  }

  // What the buttons do.

  train() {
    this.toggle("watch");
  }

  step() {
    this.rest();
    this.training.advance();
    this.done();
  }

  end() {
    this.toggle("end");
  }

  toggle(mode) {
    if (this.mode === mode) return this.rest();
    if (this.isOver) this.begin();
    this.run(mode, this.settings.epochs);
  }

  again() {
    this.begin();
  }

  reseed() {
    const [least, most] = BOUNDS.seed;
    this.set({ seed: this.settings.seed < most ? this.settings.seed + 1 : least });
  }

  layers(by) {
    const { hidden } = this.settings;
    if (by < 0 && hidden.length) this.set({ hidden: hidden.slice(0, -1) });
    if (by > 0 && hidden.length < MOST_LAYERS) this.set({ hidden: [...hidden, UNITS] });
  }

  resize({ layer, by }) {
    this.set({ hidden: this.settings.hidden.map((units, index) => (index === layer ? units + by : units)) });
  }

  get isOver() {
    return this.training.epoch >= this.settings.epochs;
  }

  // Learn until an epoch: "watch" shows each one, "end" only the last.
  run(mode, until) {
    cancelAnimationFrame(this.frame);
    Object.assign(this, { mode, until, due: 1, frameAt: performance.now(), told: performance.now() });
    this.name();
    this.frame = requestAnimationFrame(() => this.work());
  }

  work() {
    const since = performance.now();
    this.due = Math.min(MOST_DUE, this.due + PACE * (since - this.frameAt));
    this.frameAt = since;
    const before = this.training.epoch;
    while (this.isDue && performance.now() - since < WORK_MS) {
      this.training.advance();
      this.due -= 1;
    }
    if (this.training.epoch >= this.until) return this.rest();
    if (this.mode === "end") this.showNumbers();
    else if (this.training.epoch > before) this.draw();
    if (since - this.told > TELL_MS) this.tell();
    this.frame = requestAnimationFrame(() => this.work());
  }

  get isDue() {
    return this.training.epoch < this.until && (this.mode === "end" || this.due >= 1);
  }

  rest() {
    cancelAnimationFrame(this.frame);
    const worked = this.mode;
    this.mode = null;
    this.name();
    if (worked) this.done();
  }

  name() {
    this.find("[data-do=train]").textContent = this.mode === "watch" ? "Pause" : "Train";
    this.find("[data-do=end]").textContent = this.mode === "end" ? "Pause" : "To the end";
  }

  done() {
    this.note();
    this.draw();
    this.tell();
  }

  // What is seen.

  recolour() {
    this.colours = tones(this.find(".play"));
    this.form.paint(this.colours);
    this.draw();
  }

  draw() {
    const { losses, network } = this.training;
    this.grids = this.survey.of(network);
    this.graph.draw(this.grids, this.colours);
    this.paintPlane();
    curve(this.find(".losses canvas"), losses, this.settings.epochs, this.colours);
    this.find(".losses .none").hidden = losses.length > 1;
    this.showNumbers();
  }

  paintPlane() {
    const { layer, unit } = this.graph.shown ?? { layer: this.grids.length - 1, unit: 0 };
    const isOutput = layer === this.grids.length - 1;
    const [under, over] = this.place.querySelectorAll(".plane canvas");
    field(under, this.grids[layer][unit], this.colours);
    marks(over, this.training, isOutput ? this.grids[layer][unit] : null, this.colours);
    this.find(".plane h2").textContent = unitTitle(this.settings, layer, unit);
  }

  showNumbers() {
    const { epoch, state } = this.training;
    this.find("[data-of=epoch]").textContent = `${epoch} of ${Math.max(epoch, this.settings.epochs)}`;
    for (const part of ["train", "test"]) {
      const { loss, right } = state[part];
      this.find(`[data-of=${part}]`).textContent = `${loss.toFixed(3)}, ${percent(right)} right`;
    }
  }

  tell() {
    this.told = performance.now();
    const { epoch, state } = this.training;
    const of = ({ loss, right }) => `loss ${loss.toFixed(2)}, ${percent(right)} right`;
    this.find(".told").textContent = `Epoch ${epoch}. Training: ${of(state.train)}. Test: ${of(state.test)}.`;
  }
}
