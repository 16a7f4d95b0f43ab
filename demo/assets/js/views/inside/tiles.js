// The units of a layer as tiles, each with its map on the photo; units of a single number as bars.

import { make } from "../../show.js";
import { isFlat, value } from "./words.js";
import { picture } from "./kernel.js";
import { rove, stand } from "./rove.js";

export class Tiles {
  // pointed(unit or null): it is looked at in passing; picked(unit): it is chosen.
  constructor(list, { pointed, picked }) {
    this.list = list;
    this.axis = list.previousElementSibling; // says where the bars begin, unless that is 0
    this.units = [];
    const unitOf = (item) => this.units.find((one) => one.unit === Number(item.dataset.unit));
    const under = ({ target }) => target.closest?.("[role=option]");
    rove(list, { vertical: (at, direction) => this.below(at, direction), picked: (item) => picked(unitOf(item)) });
    list.addEventListener("pointerover", (event) => event.pointerType !== "touch" && under(event) && pointed(unitOf(under(event))));
    list.addEventListener("pointerleave", () => pointed(null));
    list.addEventListener("focusin", (event) => under(event) && pointed(unitOf(under(event))));
    list.addEventListener("focusout", (event) => list.contains(event.relatedTarget) || pointed(null));
  }

  // kernels: of the first layer, by unit; names: of the units, where they have any.
  show(layer, units, { kernels, names }) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.unit : null;
    this.units = units;
    const flat = isFlat(layer);
    const scale = flat ? scaleOf(units.map((one) => one.value)) : null;
    this.list.classList.toggle("bars", flat);
    this.list.style.setProperty("--zero", flat ? scale.share(0).toFixed(4) : null);
    this.axis.textContent = scale?.least ? `Bars begin at ${value(scale.least)}; the line marks 0.` : "";
    this.list.replaceChildren(...units.map((one) => (flat ? bar(one, scale, names?.[one.unit]) : tile(one, kernels?.get(one.unit)))));
    stand(this.list, this.list.firstElementChild);
    if (focused !== null) (this.optionOf(Number(focused)) ?? this.list.firstElementChild)?.focus({ preventScroll: true });
  }

  clear() {
    this.units = [];
    this.axis.textContent = "";
    this.list.replaceChildren();
  }

  optionOf(unit) {
    return [...this.list.children].find((one) => one.dataset.unit === String(unit));
  }

  mark(unit) {
    for (const one of this.list.children) one.setAttribute("aria-selected", String(one.dataset.unit === String(unit)));
    const chosen = this.optionOf(unit);
    if (chosen) stand(this.list, chosen);
  }

  below(at, direction) {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const to = at + direction * columns;
    return to < 0 || to >= this.units.length ? at : to;
  }
}

const option = ({ unit, value: most }, kind, name, ...content) =>
  make(`div.${kind}`, { role: "option", "data-unit": unit, "aria-selected": "false", tabindex: -1, "aria-label": `unit ${unit}${name ? `, ${name}` : ""}: ${value(most)}` }, ...content);

function tile(one, kernel) {
  const map = make("img", { src: one.map, alt: "", draggable: "false" });
  const inset = kernel ? [picture(kernel)] : [];
  return option(one, "tile", "", make("div.face", {}, map, ...inset), make("span", {}, make("i", {}, one.unit), make("b", {}, value(one.value))));
}

// From 0 to the largest, so that more is always longer; where some are below 0, from a round number
// below them all.
function scaleOf(values) {
  const least = roundedDown(Math.min(...values, 0));
  const whole = Math.max(...values, 0) - least || 1;
  return { least, share: (one) => (one - least) / whole };
}

function roundedDown(number) {
  if (!number) return 0;
  const step = 10 ** Math.floor(Math.log10(-number));
  return Math.floor(number / step) * step;
}

function bar(one, scale, name) {
  const share = `--share:${scale.share(one.value).toFixed(4)}`;
  return option(one, "bar", name, make("i", {}, name ?? `unit ${one.unit}`), make("span", { style: share, class: one.value < 0 ? "below" : null }), make("b", {}, value(one.value)));
}
