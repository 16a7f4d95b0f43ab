// What is worth knowing about a model, folded away until asked for.

import { make, percent } from "../../../show.js";

export function facts(card) {
  const rows = {
    Network: `${card.architecture}, ${card.precision}`,
    Size: `${(card.parameters / 1e6).toFixed(1)} million parameters, ${(card.multiply_adds / 1e9).toFixed(2)} billion multiply-adds a photograph`,
    Sees: sees(card.input),
    Labels: labels(card.labels),
    Weights: `${card.weights.origin} (${card.weights.licence})`,
    Published: card.published ? accuracy(card.published) : "",
    Measured: (card.measured ?? []).map((one) => `${accuracy(one)}, ${count(one.photographs)} photographs`),
    Calibrated: card.calibration ? calibration(card.calibration) : "",
  };
  const list = Object.entries(rows).flatMap(([name, value]) => row(name, [value].flat().filter(Boolean)));
  return make("details.fold", {}, make("summary", {}, `About ${card.title}, version ${card.version}`), make("dl", {}, ...list));
}

const row = (name, values) => (values.length ? [make("dt", {}, name), ...values.map((one) => make("dd", {}, one))] : []);

const count = (number) => number.toLocaleString("en");

function sees({ size, keep_aspect: keepsAspect }) {
  const how = keepsAspect === false ? "the whole photograph, squeezed into a square" : "the square in the photograph’s middle";
  return `${how}, at ${size} × ${size} pixels`;
}

function labels(all) {
  const scenes = all.every((one) => one.kind) ? ", scenes" : "";
  const distilled = all.filter((one) => one.basis === "distilled").length;
  const learned = distilled ? `; ${count(distilled)} of them learned from another network’s answers alone` : "";
  return `${count(all.length)}${scenes}${learned}`;
}

function accuracy({ dataset, top1, top5 }) {
  const five = top5 == null ? "" : `, among the first five in ${percent(top5)}`;
  return `first label right in ${percent(top1)}${five}, on ${dataset}`;
}

function calibration({ error_before: before, error_after: after, measured_on: data, measured_photographs: photographs }) {
  return `confidences are off by ${percent(after)} on average, ${percent(before)} before scaling, on ${data}, ${count(photographs)} photographs`;
}
