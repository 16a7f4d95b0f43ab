// The words beside the photo: the average of the cells, one cell's labels, and what wins how many.

import { label, make, percent } from "../../show.js";

export function blank() {
  const rows = Array.from({ length: 5 }, () => make("li", {}, make("i")));
  return [
    make("p.where", {}, "\u00a0"),
    make("h2.first.empty", {}, "Every patch will answer here"),
    make("ol.labels.empty", { "aria-hidden": "true" }, ...rows),
  ];
}

export function average(cells, palette) {
  return [
    make("p.where", {}, `The average of ${number(cells.count)} cells`),
    ...ranked(cells.predictions, palette),
    make("p.lesson", {}, make("b", {}, "Global average pooling: "), lesson(cells)),
  ];
}

function lesson({ count, step }) {
  if (step === null) return `the answer is the average of these ${number(count)} cells, taken before scores become percentages.`;
  return `the average of these ${number(count)} cells of the whole photo, taken before scores become percentages.`;
}

export function one(cells, { row, column }, palette, sees) {
  return [
    make("p.where", {}, `Row ${row + 1}, column ${column + 1}`),
    ...ranked(cells.of(row, column), palette),
    make("p.lesson", {}, sees),
  ];
}

function ranked(labels, palette) {
  const [first] = labels;
  return [
    make("h2.first", {}, make("b", {}, percent(first.confidence)), " ", ...label(first)),
    make("ol.labels", {}, ...labels.map((item) => row(item, palette))),
  ];
}

function row(item, palette) {
  return make(
    "li",
    { style: `--share:${item.confidence.toFixed(4)}`, title: item.category },
    make("span", {}, swatch(item, palette), ...label(item)),
    make("b", {}, percent(item.confidence)),
    make("i"),
  );
}

const swatch = (item, palette) => make("i.swatch", { style: `--colour:${palette.of(item)}`, "aria-hidden": true });

// Buttons for the labels that have a colour, a line for the rest.
export function legend(cells, palette, lit) {
  const named = cells.ranking.filter((item) => palette.knows(item) || item.category === lit);
  const rest = cells.ranking.length - named.length;
  const share = 1 - named.reduce((sum, item) => sum + item.share, 0);
  const others = `${number(rest)} other${rest === 1 ? "" : "s"}`;
  return [
    ...named.map((item) => button(item, palette, lit)),
    rest ? make("p", {}, swatch({}, palette), make("span", {}, others), make("b", {}, percent(share))) : "",
  ];
}

function button(item, palette, lit) {
  return make(
    "button",
    { type: "button", "data-category": item.category, "aria-pressed": String(item.category === lit) },
    swatch(item, palette),
    make("span", {}, item.label),
    make("b", {}, percent(item.share)),
  );
}

export const number = (count) => count.toLocaleString("en-GB");
