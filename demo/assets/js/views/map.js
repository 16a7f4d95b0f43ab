// Map: photographs where the network puts them, by its first layer and by its last.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { card } from "./map/card.js";
import { Chart, STEP, lines, thumbnail } from "./map/chart.js";
import { COLUMNS, MAPS, SIDES, map, sheet } from "./map/gallery.js";
import { nearest } from "./map/near.js";
import { MOST, Own } from "./map/own.js";
import { models } from "../models.js";
import { make, percent } from "../show.js";
import { stage } from "../stage.js";

export function mount(place) {
  const view = new PhotoMap(place);
  view.start();
  return () => view.leave();
}

class PhotoMap {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.asker = new Asker(this.find(".sheet"), () => {});
    this.chart = new Chart(this.find(".chart"));
    this.own = new Own();
    this.items = []; // those of the map, then the visitor's: pictures with {element, positions, directions}
    this.chosen = null;
    this.left = ""; // that some of the visitor's photos found no room
    this.lost = new Map(); // what went wrong with others -> their names
    this.off = [];
  }

  start() {
    this.find(".map").style.setProperty("--sheet-of-thumbs", `url("${sheet()}")`);
    this.on(this.place, "click", (event) => this.click(event));
    this.on(document, "keydown", (event) => event.key === "Escape" && this.choose(null)); // a click may leave no focus here
    this.on(this.chart, "draw", () => this.drawLines());
    for (const what of ["pointerover", "focusin"]) this.on(this.find(".thumbs"), what, ({ target }) => this.caption(target));
    this.on(this.find(".thumbs"), "pointerout", () => this.caption(document.activeElement));
    this.on(this.find("input[type=file]"), "change", ({ target }) => this.take([...target.files], target));
    this.on(this.own, "placed", ({ detail }) => this.settle(detail));
    this.on(this.own, "lost", ({ detail }) => this.lose(detail));
    this.on(this.own, "state", () => this.tell());
    this.on(models, "change", () => this.load());
    this.on(window, "booth:address", () => this.restore());
    stage.ondrop = ({ dataTransfer }) => {
      if (!dataTransfer.files.length) return false;
      this.take([...dataTransfer.files]);
      return true;
    };
    this.chart.mix = this.side === "last" ? 1 : 0;
    this.chart.start();
    this.load();
  }

  on(target, what, listener) {
    target.addEventListener(what, listener);
    this.off.push(() => target.removeEventListener(what, listener));
  }

  leave() {
    for (const off of this.off) off();
    this.asker.stop();
    this.chart.stop();
    this.own.clear();
    address.set({ map: null, picture: null });
  }

  get side() {
    return address.get("map") === "first" ? "first" : "last";
  }

  load() {
    return this.asker.run(
      async ({ signal }) => map(await this.model(signal), signal),
      (made) => this.show(made),
      { quietly: this.items.length > 0 },
    );
  }

  // The chosen model where there is a map of it, else one that there is a map of.
  async model(signal) {
    const served = await models.load({ signal });
    const mapped = served.filter(({ name }) => MAPS.includes(name));
    const select = this.find("#model");
    select.replaceChildren(...mapped.map((one) => new Option(one.title, one.name)));
    const model = MAPS.includes(models.chosen) ? models.chosen : (mapped[0]?.name ?? MAPS[0]);
    select.value = model;
    select.disabled = mapped.length < 2;
    select.onchange = () => models.choose(select.value);
    this.served = mapped.find(({ name }) => name === model) ?? null;
    return model;
  }

  show(made) {
    this.map = made;
    const chosen = this.chosen?.name ?? address.get("picture");
    this.chosen = this.chart.kept = null;
    this.items = made.pictures.map((picture) => this.item(picture));
    this.chart.put(this.items);
    this.find(".sheet").dataset.state = "answer";
    this.find(".agreement").textContent = agreement(made);
    this.press();
    this.choose(this.items.find(({ name }) => name === chosen) ?? null);
    this.find("[data-do=add]").disabled = !this.served;
    this.own.use(made);
    this.tell();
  }

  item(picture) {
    const element = thumbnail(picture.shows);
    const { index } = picture;
    const of = (part) => Object.fromEntries(SIDES.map((side) => [side, this.map[side][part][index]]));
    const item = { ...picture, element, positions: of("positions"), directions: of("directions") };
    portrait(item, element);
    return (element.item = item);
  }

  // One of the visitor's has its place.
  settle(photo) {
    if (!photo.element) {
      photo.element = thumbnail(`Your photo ${photo.shows}`);
      photo.element.classList.add("own");
      portrait(photo, photo.element);
      photo.element.item = photo;
    }
    this.items = [...this.items.filter((one) => one !== photo), photo];
    this.chart.put(this.items);
    this.choose(this.chosen ?? photo);
    this.tell();
  }

  take(files, input) {
    if (input) input.value = "";
    if (!this.served) return;
    if (!this.own.running) this.forgive();
    const left = this.own.add(files);
    if (left) this.left = `The map has room for ${MOST} photos of yours: ${left} were left out.`;
    this.tell();
  }

  // One of the visitor's has no place.
  lose({ photo, heading }) {
    this.lost.set(heading, [...(this.lost.get(heading) ?? []), photo.shows]);
    this.tell();
  }

  // What went wrong is over.
  forgive() {
    this.left = "";
    this.lost.clear();
  }

  click({ target }) {
    const button = target.closest("button");
    const actions = {
      add: () => this.find("input[type=file]").click(),
      clear: () => this.clear(),
      closer: () => this.chart.zoomBy(STEP),
      farther: () => this.chart.zoomBy(1 / STEP),
      whole: () => this.chart.whole(),
    };
    if (button?.item) this.choose(button.item === this.chosen && button.matches(".thumb") ? null : button.item);
    else if (button?.dataset.side) this.turn(button.dataset.side);
    else if (button) actions[button.dataset.do]?.();
    else if (target.closest(".chart")) this.choose(null);
  }

  clear() {
    this.forgive();
    this.find("[data-do=add]").focus({ preventScroll: true }); // its own button goes
    this.own.clear();
    this.items = this.items.filter(({ own }) => !own);
    this.chart.put(this.items);
    this.choose(this.chosen?.own ? null : this.chosen); // its neighbours may have gone
  }

  turn(side) {
    address.set({ map: side === "last" ? null : side });
    this.press();
  }

  // The layout of the layer that the address names.
  press() {
    for (const button of this.place.querySelectorAll("[data-side]")) button.setAttribute("aria-pressed", String(button.dataset.side === this.side));
    this.chart.morph(this.side);
    this.find(".map").dataset.side = this.side;
  }

  restore() {
    this.press();
    this.choose(this.items.find(({ name }) => name === address.get("picture")) ?? null);
  }

  choose(item) {
    const before = this.chosen;
    const isInCard = this.find(".chosen").contains(document.activeElement);
    before?.element.setAttribute("aria-pressed", "false");
    this.chosen = this.chart.kept = item;
    this.near = item && this.neighbours(item);
    item?.element.setAttribute("aria-pressed", "true");
    address.set({ picture: item?.name ?? null });
    for (const one of this.items) one.element.classList.toggle("beside", Boolean(item) && SIDES.some((side) => this.near[side].some((found) => found.item === one)));
    this.find(".map").toggleAttribute("data-chosen", Boolean(item));
    this.find(".intro").hidden = Boolean(item);
    this.find(".chosen").replaceChildren(...(item ? card(item, this.near, (one) => portrait(one)) : []));
    if (isInCard) this.chart.focus(item ?? before); // what had it is gone
    else if (item && item !== before) this.chart.show(item.element);
    this.drawLines();
  }

  // The nearest of all that lie on the map, by each layer.
  neighbours(item) {
    const others = this.items.filter((one) => one !== item);
    const by = (side) => nearest(item.directions[side], others.map((one) => one.directions[side]));
    return Object.fromEntries(SIDES.map((side) => [side, by(side).map(({ index, distance }) => ({ item: others[index], distance }))]));
  }

  drawLines() {
    const sides = this.chosen ? Object.fromEntries(SIDES.map((side) => [side, this.near[side].map(({ item }) => item)])) : {};
    this.find(".lines").replaceChildren(...(this.chosen ? lines(this.chart, this.chosen, sides) : []));
  }

  caption(target) {
    const item = target?.closest?.(".thumb")?.item;
    this.find(".caption").textContent = item?.shows ?? "";
  }

  // What went wrong stays until photos are added anew, or cleared.
  tell() {
    const waiting = this.own.waiting.length + (this.own.running ? 1 : 0);
    this.find("[data-do=clear]").hidden = !this.own.photos.length;
    this.find(".state").textContent = waiting ? `${waiting} of your photos still to place` : this.faults || this.version();
  }

  // All that went wrong: "note, broken: That file is no photograph that Booth can read."
  get faults() {
    const lost = [...this.lost].map(([heading, names]) => `${names.join(", ")}: ${heading}.`);
    return [...lost, this.left].filter(Boolean).join(" ");
  }

  // What doesn't hold where another version of the model is served, or none.
  version() {
    if (!this.map) return "";
    if (!this.served) return "The model of this map is not served here, so your own photos can’t be placed on it.";
    if (this.served.version === this.map.version) return "";
    return `This map is of version ${this.map.version} of ${this.served.title}; version ${this.served.version} is served, so your photos may lie beside their kind.`;
  }
}

// An element that shows a picture: a piece of the sheet, or the visitor's own.
function portrait(picture, element = make("span.portrait")) {
  if (picture.own) {
    if (picture.url) element.style.backgroundImage = `url("${picture.url}")`;
    element.classList.add("mine");
  } else {
    element.style.setProperty("--column", picture.index % COLUMNS);
    element.style.setProperty("--row", Math.floor(picture.index / COLUMNS));
  }
  return element;
}

function agreement({ first, last }) {
  return `Of a photograph’s three nearest, ${percent(last.agreement)} are of its own kind by the last layer, ${percent(first.agreement)} by the first.`;
}
