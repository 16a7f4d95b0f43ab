// The words beside the photo: the average of the cells, one cell's labels, and what wins how many.

import * as labels from "../../labels.js";
import { isKnown, make, percent } from "../../show.js";

export function blank() {
  return [make("p.where", {}, "\u00a0"), ...labels.blank("Every patch will answer here")];
}

export function average(cells, palette) {
  const count = number(cells.count);
  const of = cells.step === null ? `the answer is the average of these ${count} cells` : `this is the average of all ${count} cells`;
  return [
    make("p.where", {}, `The average of ${count} cells`),
    ...labels.told(cells, marks(palette)),
    make("p.lesson", {}, make("b", {}, "Global average pooling: "), `${of}, taken before scores become percentages.`),
  ];
}

export function one(cells, { row, column }, palette, sees) {
  const ranked = cells.of(row, column);
  const isSure = isKnown(cells);
  return [
    make("p.where", {}, `Row ${row + 1}, column ${column + 1}`),
    labels.headline(ranked[0], { isSure }),
    labels.bars(ranked, { mark: marks(palette), isSure }),
    make("p.lesson", {}, sees),
  ];
}

const marks = (palette) => (item) => swatch(item, palette);

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
