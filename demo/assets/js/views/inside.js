// Inside: every layer of the network, and what each of its units makes of the photo.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { Problem, activations, filters, layers } from "../service.js";
import { stage } from "../stage.js";
import { check, questions } from "./inside/questions.js";
import { Seen } from "./inside/seen.js";
import { Sheet } from "./inside/sheet.js";
import { Strip } from "./inside/strip.js";
import { Tiles } from "./inside/tiles.js";
import { count, facts, isFirst, kind, titled, total } from "./inside/words.js";

const STRONGEST = 12; // units shown of those that answer most
const PAGE = 24; // units of a page, in order
const PAUSE_MS = 150; // while arrows run along the layers, none of them is asked for

export function mount(place) {
  const view = new Inside(place);
  view.start();
  return () => view.leave();
}

class Inside {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.networks = new Map(); // by model
    this.network = null;
    this.layer = null;
    this.answer = null; // of the photo: {view, layer, units, others, kernels, names}
    this.occluded = null; // what the open unit really sees, while that is shown
    this.leaving = new AbortController();
    this.strip = new Strip(this.find(".strip"), (layer) => this.choose(layer));
    this.tiles = new Tiles(this.find(".tiles"), { pointed: (one) => this.point(one), picked: (one) => this.pick(one.unit) });
    this.seen = new Seen(stage.overlay);
    this.sheet = new Sheet(this.find(".unit"), (answer) => {
      this.occluded = answer;
      this.seen.occlusion(answer);
    });
    this.asker = new Asker(this.find(".network"), () => this.forgetNetwork());
    this.units = new Asker(this.find(".units"), () => this.forgetUnits());
  }

  start() {
    const on = (target, name, does) => target.addEventListener(name, does, { signal: this.leaving.signal });
    on(photo, "taken", () => this.gone());
    on(photo, "change", ({ detail }) => detail.answers.push(this.askUnits()));
    on(stage, "state", ({ detail }) => detail === "camera" && this.gone());
    on(models, "change", () => this.another());
    on(window, "booth:address", () => this.begin());
    on(this.place, "click", ({ target }) => this.press(target.closest("button")));
    on(this.find(".questions"), "submit", (event) => {
      event.preventDefault();
      check(event.target, this.layer);
    });
    this.begin();
  }

  leave() {
    this.left = true;
    this.leaving.abort();
    clearTimeout(this.pausing);
    for (const one of [this.asker, this.units, this.sheet]) one.stop();
    address.set({ layer: null, unit: null, from: null, really: null });
  }

  // What the address names: its unit, the first of the page of units in order, or null.
  number(name) {
    const number = Number.parseInt(address.get(name) ?? "", 10);
    return Number.isInteger(number) && number >= 0 && number < (this.layer?.shape[2] ?? 0) ? number : null;
  }

  another() {
    address.set({ layer: null, unit: null, from: null, really: null });
    this.units.stop();
    this.begin();
  }

  // Look at the network that is chosen, and at the address's layer.
  begin() {
    const asked = async (options) => {
      const name = await this.chosen(options);
      if (!this.networks.has(name)) this.networks.set(name, await layers(name, options));
      if (!this.networks.get(name).layers.length) throw new Problem("Nothing to look into", "This network has no layers that a lecture would name.", false);
      const { labels, architecture } = await models.card(name, options);
      const network = this.networks.get(name);
      return { ...network, name, labels, layers: titled(network.layers, architecture) };
    };
    return this.asker.run(asked, (network) => this.show(network));
  }

  // Any model may be looked into, those of digits too.
  async chosen(options) {
    await models.load(options);
    const wanted = address.get("model");
    const name = models.all.some((one) => one.name === wanted) ? wanted : models.chosen;
    const select = this.find("#model");
    select.replaceChildren(...models.all.map((one) => new Option(one.title, one.name)));
    select.value = name;
    select.disabled = false;
    select.onchange = () => models.choose(select.value);
    return name;
  }

  forgetNetwork() {
    this.network = null;
    this.layer = null;
    this.strip.clear();
    const name = this.find(".network .first");
    name.textContent = "The layers will stand here";
    name.classList.add("empty");
    for (const one of [".total", ".kind"]) this.find(one).textContent = "\u00a0";
    for (const one of ["dl.layer", ".questions"]) this.find(one).replaceChildren();
    this.units.stop();
    this.units.clear();
  }

  show(network) {
    this.asker.place.dataset.state = "answer";
    this.network = network;
    this.strip.show(network.layers);
    this.find(".total").textContent = total(network);
    const named = network.layers.find((one) => one.name === address.get("layer"));
    if (!named) address.set({ layer: null });
    this.look(named ?? network.layers[0]);
    this.askUnits();
  }

  // Another layer, by the visitor.
  choose(layer) {
    if (layer === this.layer) return;
    address.set({ layer: layer.name, unit: null, from: null, really: null });
    this.look(layer);
    this.units.stop();
    this.units.clear();
    clearTimeout(this.pausing);
    this.units.place.setAttribute("aria-busy", "true");
    this.pausing = setTimeout(() => this.askUnits(), PAUSE_MS);
  }

  look(layer) {
    const { network } = this;
    this.layer = layer;
    this.strip.mark(layer);
    const name = this.find(".network .first");
    name.textContent = layer.title;
    name.classList.remove("empty");
    this.find(".kind").textContent = kind(layer, network.layers.indexOf(layer), network.layers);
    this.find("dl.layer").replaceChildren(...facts(layer, network.input.size));
    this.find(".questions").replaceChildren(...questions(layer));
  }

  // The photo has gone; the network stays.
  gone() {
    clearTimeout(this.pausing);
    this.units.stop();
    this.units.clear();
  }

  forgetUnits() {
    this.answer = null;
    this.tiles.clear();
    this.sheet.hide();
    this.seen.clear();
    this.find(".hint").textContent = photo.current || !this.layer ? "" : "Show Booth a photo, and each unit draws here where it answers.";
    this.order();
  }

  askUnits() {
    clearTimeout(this.pausing);
    if (!this.network || !photo.current || this.left) {
      this.units.stop();
      this.units.clear();
      return false;
    }
    const { layer, network } = this;
    return this.units.run((options) => this.answered(network, layer, options), (answer) => this.showUnits(answer), { quietly: photo.current.live && Boolean(this.answer) });
  }

  async answered(network, layer, options) {
    const { blob } = photo.current;
    const asked = { model: network.name, layer: layer.name, maps: "png" };
    const of = async (which) => {
      const { view, layers: [{ units }] } = await activations(blob, { ...asked, ...which }, options);
      return { view, units };
    };
    const answer = await of(this.wanted(layer));
    const unit = this.number("unit");
    const others = unit === null || answer.units.some((one) => one.unit === unit) ? [] : (await of({ unit })).units;
    const names = layer === network.layers.at(-1) && network.labels.length === layer.shape[2] ? network.labels.map((one) => one.name) : null;
    return { ...answer, layer, others, names, kernels: await this.kernels(network, layer, answer.units, options) };
  }

  // Those that answer most, or a page of all of them.
  wanted({ shape: [, , channels] }) {
    const from = this.number("from");
    if (from === null) return { units: STRONGEST };
    return { unit: Array.from({ length: Math.min(PAGE, channels - from) }, (_, at) => from + at).join() };
  }

  async kernels(network, layer, units, options) {
    if (!isFirst(layer)) return null;
    const unit = units.map((one) => one.unit).join();
    const found = await filters(network.name, { layer: layer.name, unit }, options);
    return new Map(found.filters.map((one) => [one.unit, one.kernel]));
  }

  showUnits(answer) {
    this.units.place.dataset.state = "answer";
    this.answer = answer;
    this.find(".hint").textContent = "";
    this.tiles.show(answer.layer, answer.units, answer);
    this.order();
    const unit = this.number("unit");
    if (unit === null) this.point(null);
    else this.open(unit);
  }

  order() {
    const from = this.layer && this.number("from");
    const channels = this.layer?.shape[2] ?? 0;
    for (const one of this.place.querySelectorAll("[data-order]")) one.setAttribute("aria-pressed", String((one.dataset.order === "all") === (from !== null)));
    this.find(".pages").hidden = from === null || channels <= PAGE;
    const many = Math.min(channels, from === null ? STRONGEST : PAGE);
    const last = Math.min((from ?? 0) + many, channels) - 1;
    const text = from === null ? `${many} of ${count(channels)} units` : `units ${from} to ${last} of ${count(channels)}`;
    this.find(".range").textContent = channels ? text : "";
    for (const one of this.place.querySelectorAll("[data-page]")) one.disabled = one.dataset.page === "1" ? last >= channels - 1 : !from;
  }

  press(button) {
    if (!button || !this.layer) return;
    const { order, page, take } = button.dataset;
    if (order) this.turn(order === "all" ? 0 : null);
    if (page) this.turn(this.number("from") + Number(page) * PAGE);
    if (take) stage.tried(photo.takeSample(take));
    if (button.dataset.do === "really") this.really(button.getAttribute("aria-pressed") !== "true");
  }

  turn(from) {
    address.set({ from: from === null ? null : String(Math.max(from, 0)) });
    this.askUnits();
  }

  unitOf(unit) {
    return this.answer && [...this.answer.units, ...this.answer.others].find((one) => one.unit === unit);
  }

  get opened() {
    return this.unitOf(this.number("unit"));
  }

  // A unit looked at in passing: its map over the photo; with none, that of the one that is open.
  point(one) {
    if (!this.answer) return;
    const shown = one ?? this.opened;
    if (!shown) this.seen.clear();
    else if (shown === this.opened && this.occluded) this.seen.occlusion(this.occluded);
    else this.seen.unit(shown, { view: this.answer.view, layer: this.answer.layer, side: this.network.input.size });
  }

  pick(unit) {
    const isOpen = this.number("unit") === unit;
    address.set({ unit: isOpen ? null : String(unit), really: null });
    if (!isOpen) return this.open(unit);
    this.sheet.hide();
    this.tiles.mark(null);
    this.occluded = null;
  }

  open(unit) {
    const one = this.unitOf(unit);
    const { layer, view, names } = this.answer;
    this.occluded = null;
    this.tiles.mark(unit);
    this.sheet.show(one, { model: this.network.name, layer, view, name: names?.[unit], live: photo.current.live });
    this.point(null);
    if (address.get("really") && !photo.current.live) this.really(true);
  }

  // Cover the photo, and see what the unit loses; or show its map again.
  really(wanted) {
    address.set({ really: wanted ? "1" : null });
    this.occluded = null;
    if (!wanted) this.sheet.forgetReally();
    this.point(null);
    if (wanted) this.sheet.askReally(photo.current.blob, { model: this.network.name, layer: this.layer }, this.number("unit"));
  }
}
