// Patches: every patch of the photo answers for itself, and the answer is their average.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { classify, labelMap } from "../service.js";
import { stage } from "../stage.js";
import { average, blank, legend, number, one } from "./patches/card.js";
import { Cells } from "./patches/cells.js";
import { Grid } from "./patches/grid.js";
import { Palette } from "./patches/palette.js";
import { sentence, sight } from "./patches/sight.js";

const STEPS = [32, 16, 8, 4]; // pixels of the network's input between two cells of the whole photo

class Patches {
  constructor(place) {
    const find = (selector) => place.querySelector(selector);
    this.model = find("#model");
    this.parts = [...place.querySelectorAll("[data-part]")];
    this.slider = find("#step");
    this.size = find("output");
    this.average = find(".result");
    this.one = find(".one");
    this.legend = find(".legend");
    this.asker = new Asker(find(".answer"), () => this.blank());
    this.palette = new Palette();
    this.answers = new Map();
    this.kept = null; // the category of the label whose cells alone are lit
    this.leaving = new AbortController();
  }

  start() {
    const on = (target, name, does) => target.addEventListener(name, does, { signal: this.leaving.signal });
    on(photo, "taken", () => this.forget());
    on(photo, "change", ({ detail }) => detail.answers.push(this.another()));
    on(stage, "state", ({ detail }) => detail === "camera" && this.forget());
    on(models, "change", () => this.otherwise());
    on(stage, "layout", () => this.grid?.paint());
    on(window, "booth:address", () => this.ask());
    on(this.slider, "input", () => this.cut(STEPS[this.slider.value]));
    on(this.legend, "click", (event) => this.press(event.target.closest("button")));
    for (const part of this.parts) on(part, "click", () => this.cut(part.dataset.part === "whole" ? STEPS[this.slider.value] : null));
    this.asker.clear();
    this.ask();
  }

  leave() {
    this.leaving.abort();
    this.asker.stop();
    // A number names a label in Classify, too; a category only here.
    address.set({ step: null, label: Number(address.get("label")) || null });
  }

  // The step of the whole photo's cells; null where the network's own cells are shown.
  get step() {
    const step = Number(address.get("step"));
    return STEPS.includes(step) ? step : null;
  }

  cut(step) {
    address.set({ step: step && String(step) });
    this.ask();
  }

  // Another photo, or the camera's next frame.
  another() {
    this.answers.clear();
    return this.ask();
  }

  // The same photo, by another model.
  otherwise() {
    this.forget();
    this.ask();
  }

  forget() {
    this.answers.clear();
    this.palette = new Palette();
    this.kept = null;
    this.asker.stop();
    this.asker.clear();
  }

  blank() {
    this.grid?.element.remove();
    this.grid = null;
    this.point(null);
    this.average.replaceChildren(...blank());
    this.legend.replaceChildren();
  }

  ask() {
    this.controls();
    if (!photo.current?.live) this.grid?.element.classList.add("stale");
    return this.asker.run((options) => this.answer(options), (found) => (found ? this.show(found) : this.asker.clear()), { quietly: Boolean(this.grid) });
  }

  async answer(options) {
    await models.fill(this.model, options);
    if (!photo.current) return null;
    const { step } = this;
    return this.once(step ?? "seen", () => this.fetched(step, options));
  }

  // Ask, unless the answer is there.
  async once(key, ask) {
    if (!this.answers.has(key)) this.answers.set(key, await ask());
    return this.answers.get(key);
  }

  async fetched(step, options) {
    const { blob } = photo.current;
    const model = models.chosen;
    const card = await models.card(model, options);
    if (!step) return { cells: new Cells(await classify(blob, { model, top_k: 5, explain: "cells" }, options), step), card };
    const answer = await labelMap(blob, { model, top_k: 5, step }, options);
    // A label map doesn't tell whether the model knows the photo.
    const { known } = this.answers.get("seen")?.cells ?? (await this.once("plain", () => classify(blob, { model, top_k: 1 }, options)));
    return { cells: new Cells({ ...answer, known }, step), card };
  }

  show({ cells, card }) {
    this.asker.place.dataset.state = "answer";
    this.cells = cells;
    this.palette.update(cells.ranking);
    this.average.replaceChildren(...average(cells, this.palette));
    this.restore();
    this.lay(card);
    this.light();
    this.controls();
  }

  // Lay the cells over the photo; the camera's next frame changes only what they say.
  lay({ architecture, input }) {
    const { cells } = this;
    const side = cells.step ?? input.size / cells.columns;
    if (photo.current.live && this.grid && this.grid.cells.count === cells.count) return this.grid.update(cells);
    const seen = (row, column) => sight(cells, { row, column }, architecture, side);
    const before = this.grid ? [this.grid.retired()] : [];
    this.sentenceOf = ({ row, column }) => sentence(seen(row, column));
    this.grid = new Grid(cells, {
      look: { colour: (label) => this.palette.of(label), lit: this.lit },
      seen,
      onpoint: (place) => this.point(place),
      onkeep: (label) => this.keep(label.category),
    });
    this.point(null);
    stage.overlay.replaceChildren(...before, this.grid.element);
    this.grid.paint();
  }

  point(place) {
    const { place: card } = this.asker;
    card.classList.toggle("pointed", Boolean(place));
    this.one.replaceChildren(...(place ? one(this.cells, place, this.palette, this.sentenceOf(place)) : []));
  }

  press(button) {
    if (button) this.keep(button.dataset.category);
  }

  // Keep only a label's cells lit, or all again.
  keep(category) {
    this.kept = this.lit === category ? null : category;
    this.name();
    this.light();
    this.grid.look.lit = this.lit;
    this.grid.paint();
  }

  // The label whose cells are lit: none where the kept one wins no cell.
  get lit() {
    return this.cells.wins(this.kept) ? this.kept : null;
  }

  // What was kept before the cells were cut anew, or what the address names.
  restore() {
    this.kept ??= this.cells.named(address.get("label"));
    this.name();
  }

  // Have the address name what is kept.
  name() {
    address.set({ label: this.kept && this.cells.nameOf(this.kept) });
  }

  light() {
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.category : null;
    this.legend.replaceChildren(...legend(this.cells, this.palette, this.lit));
    if (focused) this.legend.querySelector(`[data-category="${CSS.escape(focused)}"]`)?.focus();
  }

  controls() {
    const { step } = this;
    for (const part of this.parts) part.setAttribute("aria-pressed", String((part.dataset.part === "whole") === Boolean(step)));
    this.slider.value = Math.max(0, STEPS.indexOf(step));
    this.slider.setAttribute("aria-valuetext", step ? `a cell each ${step} pixels` : "the network’s own cells");
    if (this.grid) this.size.textContent = `${number(this.cells.rows)} × ${number(this.cells.columns)}`;
  }
}

export function mount(place) {
  const patches = new Patches(place);
  patches.start();
  return () => patches.leave();
}
