// The plain form of an answer: the headline and the five bars.

import { isKnown, label, make, NOTHING, percent, UNKNOWN } from "./show.js";

export function blank(headline = "Five labels will appear here") {
  const rows = Array.from({ length: 5 }, () => make("li", {}, make("i")));
  return [make("h2.first.empty", {}, headline), make("ol.labels.empty", { "aria-hidden": "true" }, ...rows)];
}

// The whole of it, for an answer of the service's. mark(one): what stands before a label's name.
export function told(answer, mark) {
  const { predictions } = answer;
  if (isKnown(answer)) return [headline(predictions[0]), bars(predictions, { mark })];
  return [make("h2.first", {}, NOTHING), make("p.environment", {}, UNKNOWN), bars(predictions, { mark, isSure: false })];
}

// isSure: whether the percentages of this photo hold; where they don't, none is seen.
export function headline(one, { isSure = true } = {}) {
  if (!isSure) return make("h2.first", {}, "Nearest: ", ...label(one));
  return make("h2.first", {}, make("b", {}, percent(one.confidence)), " ", ...label(one));
}

export function bars(predictions, { mark = () => "", isSure = true } = {}) {
  return make(isSure ? "ol.labels" : "ol.labels.unsure", {}, ...predictions.map((one) => bar(one, mark(one), isSure)));
}

// A bar is a percentage, too.
function bar(one, mark, isSure) {
  return make(
    "li",
    { style: `--share:${isSure ? one.confidence.toFixed(4) : 0}`, title: one.category },
    make("span", {}, mark, ...label(one)),
    make("b", {}, isSure ? percent(one.confidence) : ""),
    make("i"),
  );
}
