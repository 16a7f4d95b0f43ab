// The network as a graph: each unit with its own picture of the plane, each weight a line.

import { MOST_UNITS } from "./settings.js";
import { css, field } from "./paint.js";
import { formula, unitName, unitTitle, weightText } from "./formula.js";
import { make } from "../../show.js";

const THICKEST = 7; // pixels of a line
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export class Graph extends EventTarget {
  // Tells of "look" when another unit is to be shown, and of "resize" with a {layer, by}.
  constructor(place, reading) {
    super();
    Object.assign(this, { place, reading, pinned: null, hovered: null, focused: null });
    this.lines = place.querySelector("svg");
    this.units = place.querySelector(".units");
    this.steps = place.querySelector(".steps");
    this.units.addEventListener("click", (event) => this.#pin(event));
    this.units.addEventListener("keydown", (event) => this.#move(event));
    this.units.addEventListener("focusin", ({ target }) => this.#look({ focused: target.matches(":focus-visible") ? found(target) : null }));
    this.units.addEventListener("focusout", () => this.#look({ focused: null }));
    place.addEventListener("pointerover", ({ target }) => this.#look({ hovered: found(target) }));
    place.addEventListener("pointerleave", () => this.#look({ hovered: null }));
    this.steps.addEventListener("click", ({ target }) => this.#resize(target.closest("button")));
  }

  // The unit, or weight, that is looked at: {layer, unit, input?}, or null.
  get shown() {
    return this.hovered ?? this.focused ?? this.pinned;
  }

  lay(settings, network) {
    Object.assign(this, { settings, network, pinned: null, hovered: null, focused: null });
    const key = document.activeElement?.dataset?.key;
    const left = (layer) => `${(100 * (layer + 0.5)) / network.sizes.length}%`;
    const top = (layer, unit) => `${50 + (100 * (unit + 0.5 - network.sizes[layer] / 2)) / MOST_UNITS}%`;
    this.units.replaceChildren(...network.sizes.flatMap((size, layer) => Array.from({ length: size }, (_, unit) => this.#unit(layer, unit, left(layer), top(layer, unit)))));
    this.#lines(left, top);
    this.steps.replaceChildren(...settings.hidden.map((units, index) => this.#step(index, units, left(index + 1))));
    if (key) this.place.querySelector(`[data-key="${key}"]`)?.focus({ preventScroll: true });
    this.#reach(network.sizes.length - 1, 0);
    this.read();
  }

  #unit(layer, unit, left, top) {
    const attributes = { type: "button", "aria-label": unitTitle(this.settings, layer, unit), "aria-pressed": "false", "aria-describedby": this.reading.id, tabindex: -1, "data-layer": layer, "data-unit": unit, "data-key": `${layer} ${unit}` };
    const made = make("button.unit", attributes, make("canvas"), make("span", { "aria-hidden": "true" }, unitName(this.settings, layer, unit)));
    Object.assign(made.style, { left, top });
    return made;
  }

  #step(index, units, left) {
    const button = (by, text, does, atEnd) => make("button", { type: "button", "aria-label": `${does} unit in hidden layer ${index + 1}`, "aria-disabled": atEnd && "true", "data-layer": index, "data-by": by, "data-key": `${does} ${index}` }, text);
    const made = make("div", {}, button(-1, "−", "One fewer", units === 1), make("b", {}, String(units)), button(1, "+", "One more", units === MOST_UNITS));
    made.style.left = left;
    return made;
  }

  #lines(left, top) {
    this.weights = [];
    this.network.layers.forEach(({ inputs, units }, before) => {
      for (let unit = 0; unit < units; unit += 1) {
        for (let input = 0; input < inputs; input += 1) {
          const ends = { x1: left(before), y1: top(before, input), x2: left(before + 1), y2: top(before + 1, unit) };
          const names = { "data-layer": before + 1, "data-unit": unit, "data-input": input };
          this.weights.push({ layer: before + 1, unit, input, line: drawn(ends, {}), grip: drawn(ends, { class: "grip", ...names }) });
        }
      }
    });
    this.lines.replaceChildren(...this.weights.map(({ line }) => line), ...this.weights.map(({ grip }) => grip));
  }

  // The pictures, and how thick the lines are; negative weights are dashed.
  draw(grids, colours) {
    for (const unit of this.units.children) field(unit.firstChild, grids[unit.dataset.layer][unit.dataset.unit], colours);
    for (const { layer, unit, input, line } of this.weights) {
      const weight = this.network.weight(layer - 1, unit, input);
      line.setAttribute("stroke", css(weight > 0 ? colours.one : colours.other));
      line.setAttribute("stroke-width", Math.min(THICKEST, 0.6 + 1.7 * Math.abs(weight)).toFixed(2));
      line.setAttribute("stroke-dasharray", weight > 0 ? "" : "7 4");
    }
    this.read();
  }

  // What is looked at, in numbers.
  read() {
    const { layer, unit, input } = this.shown ?? {};
    this.reading.textContent = this.shown
      ? (input === undefined ? formula : weightText)(this.settings, this.network, layer, unit, input)
      : "Point at a unit or a line to read its numbers.";
    this.place.classList.toggle("looks", Boolean(this.shown));
    for (const one of this.weights) {
      const lit = one.layer === layer && one.unit === unit && (input ?? one.input) === one.input;
      one.line.classList.toggle("lit", lit);
    }
  }

  #look(change) {
    const before = this.shown;
    Object.assign(this, change);
    if (!this.network || String(Object.values(before ?? {})) === String(Object.values(this.shown ?? {}))) return;
    this.read();
    this.dispatchEvent(new Event("look"));
  }

  #pin({ target }) {
    const button = target.closest(".unit");
    if (!button) return;
    const isPinned = button.getAttribute("aria-pressed") === "true";
    for (const one of this.units.children) one.setAttribute("aria-pressed", String(one === button && !isPinned));
    this.#reach(Number(button.dataset.layer), Number(button.dataset.unit));
    this.#look({ pinned: isPinned ? null : found(button) });
  }

  #move(event) {
    const by = MOVES[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { layer, unit } = found(event.target);
    const between = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const next = between(layer + by[0], this.network.sizes.length);
    this.#reach(next, between(unit + by[1], this.network.sizes[next])).focus();
  }

  // One unit at a time is within reach of Tab; arrows go on from there.
  #reach(layer, unit) {
    for (const one of this.units.children) one.tabIndex = -1;
    const reached = this.units.querySelector(`[data-key="${layer} ${unit}"]`);
    reached.tabIndex = 0;
    return reached;
  }

  #resize(button) {
    if (!button || button.hasAttribute("aria-disabled")) return;
    const detail = { layer: Number(button.dataset.layer), by: Number(button.dataset.by) };
    this.dispatchEvent(new CustomEvent("resize", { detail }));
  }
}

function found(element) {
  const { layer, unit, input } = element.closest("[data-unit]")?.dataset ?? {};
  if (unit === undefined) return null;
  const at = { layer: Number(layer), unit: Number(unit) };
  return input === undefined ? at : { ...at, input: Number(input) };
}

function drawn(ends, attributes) {
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of Object.entries({ ...ends, ...attributes })) line.setAttribute(name, value);
  return line;
}
