// The plain form of an answer: the headline and the five bars.

import { label, make, percent } from "./show.js";

export function blank(headline = "Five labels will appear here") {
  const rows = Array.from({ length: 5 }, () => make("li", {}, make("i")));
  return [make("h2.first.empty", {}, headline), make("ol.labels.empty", { "aria-hidden": "true" }, ...rows)];
}

export function headline(one) {
  return make("h2.first", {}, make("b", {}, percent(one.confidence)), " ", ...label(one));
}

// mark(one): what stands before a label's name.
export function bars(predictions, mark = () => "") {
  return make("ol.labels", {}, ...predictions.map((one) => bar(one, mark(one))));
}

function bar(one, mark) {
  return make(
    "li",
    { style: `--share:${one.confidence.toFixed(4)}`, title: one.category },
    make("span", {}, mark, ...label(one)),
    make("b", {}, percent(one.confidence)),
    make("i"),
  );
}
