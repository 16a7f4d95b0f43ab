// What is worth knowing about a model, from its card.

import { large, make } from "./show.js";

export function facts(card) {
  const rows = {
    Network: `${card.architecture}, ${card.precision}, version ${card.version}`,
    Size: `${large(card.parameters)} parameters, ${large(card.multiply_adds)} multiply-adds a photo`,
    Labels: labels(card),
    Weights: `${card.weights.origin} (${card.weights.licence})`,
    Published: card.published ? accuracy(card.published) : "",
    Measured: card.measured.map((one) => `${accuracy(one)}, ${count(one.photographs)} photos`).join("; "),
    Calibrated: card.calibration ? calibration(card.calibration) : "",
  };
  const pairs = Object.entries(rows).filter(([, value]) => value);
  return make("dl.facts", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

const count = (value) => value.toLocaleString("en");
const share = (value) => `${(100 * value).toFixed(1)}\u202f%`;

function labels(card) {
  const scenes = card.labels.some((one) => one.kind) ? ", scenes" : "";
  const distilled = card.labels.filter((one) => one.basis === "distilled").length;
  const said = `${count(card.labels.length)}${scenes}`;
  return distilled ? `${said}; ${count(distilled)} of them learned from another network’s answers alone` : said;
}

function accuracy({ top1, top5, dataset }) {
  return `${share(top1)} top-1${top5 === null || top5 === undefined ? "" : `, ${share(top5)} top-5`} on ${dataset}`;
}

function calibration(one) {
  const said = `confidences are off by ${share(one.error_after)} on average, ${share(one.error_before)} before scaling, on ${one.measured_on}, ${count(one.measured_photographs)} photos`;
  const { finer } = one;
  return finer ? `${said}; by ${share(finer.error_after)} on photos with finer detail, ${share(finer.error_before)} before, from ${count(finer.collections)} collections` : said;
}
