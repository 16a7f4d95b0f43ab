// Metrics: what Prometheus sees, live and readable; and the models with their cards.

import { Reading, quantiles, rate } from "./metrics/exposition.js";
import { facts } from "../facts.js";
import { models } from "../models.js";
import { metrics } from "../service.js";
import { make, percent } from "../show.js";

const EVERY_MS = 2000;
const KEPT = 60; // readings: the last two minutes
const STAGES = { read: "receive", decode: "decode", queue: "wait", inference: "network", answer: "write" };
const FINEST_MS = 1; // the narrowest bucket of the durations: there is nothing to tell within it
const SHARES = [0.5, 0.95, 0.99];

const names = new Map(); // category -> label, of the models' cards

export function mount(place) {
  const readings = [];
  let timer = null;
  let left = false;

  async function look() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        readings.push(new Reading(await metrics(), performance.now() / 1000));
        if (readings.length > KEPT) readings.shift();
        if (left) return;
        say(place, "");
        show(place, readings);
      } catch (cause) {
        if (!left) say(place, `${cause.heading ?? "That did not work"}. The numbers below are the last that came.`);
      }
    }
    if (!left) timer = setTimeout(look, EVERY_MS);
  }

  const seen = () => !document.hidden && look();
  document.addEventListener("visibilitychange", seen);
  showModels(place).then(look);
  return () => {
    left = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}

const say = (place, text) => (place.querySelector(":scope > .problem").textContent = text);

function show(place, readings) {
  const now = readings.at(-1);
  place.querySelector(".tiles").replaceChildren(...tiles(readings));
  const panel = (name, ...content) => place.querySelector(`.${name} .body`).replaceChildren(...content);
  panel("stages", stages(now));
  panel("given", ...bars(top(now.by("booth_labels_total", "label"), 6), (name) => spoken(name)));
  panel("batches", ...bars(sizes(now), (size) => size));
  panel("sure", ...bars(confidences(now), (range) => range));
}

function tiles(readings) {
  const now = readings.at(-1);
  const before = readings.length > 1 ? readings.at(-2) : now;
  const rates = readings.slice(1).map((one, index) => rate(readings[index], one, "booth_images_total"));
  // Of the last two minutes where there is something in them, else since the start.
  const duration = (reading) => quantiles(reading, now, "booth_request_duration_seconds", {}, SHARES);
  const recent = duration(readings[0]);
  const [half, most] = recent[0] === null ? duration(null) : recent;
  const outcomes = now.by("booth_requests_total", "outcome");
  const all = [...outcomes.values()].reduce((sum, one) => sum + one, 0);
  const well = outcomes.get("ok") ?? 0;
  return [
    tile("Photos a second", number(rate(before, now, "booth_images_total")), spark(rates)),
    tile("Half are answered within", milliseconds(half)),
    tile("95 % within", milliseconds(most)),
    tile("Waiting now", number(now.sum("booth_queue_length"))),
    tile("Answered since the start", number(well)),
    tile("Refused or failed", `${number(all - well)}${all > well ? ` (${percent((all - well) / all)})` : ""}`),
  ];
}

const tile = (name, value, ...more) => make("div.card", {}, make("dt", {}, name), make("dd", {}, value, ...more));

// A small line of what was.
function spark(values) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const most = Math.max(...values, 1e-9);
  const points = values.map((value, index) => `${(100 * index) / Math.max(values.length - 1, 1)},${24 - (22 * value) / most}`);
  svg.setAttribute("viewBox", "0 0 100 25");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "polyline");
  line.setAttribute("points", points.join(" "));
  svg.append(line);
  return svg;
}

function stages(now) {
  const row = (name, metric, labels) => make("tr", {}, make("th", { scope: "row" }, name), ...quantiles(null, now, metric, labels, SHARES).map((one) => make("td", {}, milliseconds(one))));
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, make("td"), ...["half within", "95\u202f% within", "99\u202f% within"].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...Object.entries(STAGES).map(([stage, name]) => row(name, "booth_stage_duration_seconds", { stage })), row("in all", "booth_request_duration_seconds", {})),
  );
}

// Bars with their numbers, as in an answer.
function bars(counts, named) {
  const most = Math.max(...counts.map(([, count]) => count), 1);
  if (!counts.some(([, count]) => count)) return [make("p.none", {}, "Nothing yet.")];
  return [make("ol.labels", {}, ...counts.map(([name, count]) => make("li", { style: `--share:${count / most}` }, make("span", {}, named(name)), make("b", {}, number(count)), make("i"))))];
}

const top = (counts, most) => [...counts].filter(([, count]) => count).sort(([, a], [, b]) => b - a).slice(0, most);

function sizes(now) {
  const bounds = cumulative(now, "booth_batch_size_bucket");
  return bounds
    .map(([bound, count], index) => [range((bounds[index - 1]?.[0] ?? 0) + 1, bound), count - (bounds[index - 1]?.[1] ?? 0)])
    .filter(([, count]) => count);
}

function range(least, most) {
  if (most === Infinity) return `${least} or more`;
  return least === most ? String(most) : `${least} to ${most}`;
}

function confidences(now) {
  const bounds = cumulative(now, "booth_confidence_bucket").filter(([bound]) => bound <= 1);
  const fifths = [0.2, 0.4, 0.6, 0.8, 1].map((bound) => bounds.findLast(([one]) => one <= bound + 1e-9)?.[1] ?? 0);
  return fifths.map((count, index) => [`${20 * index} to ${20 * (index + 1)}\u202f%`, count - (fifths[index - 1] ?? 0)]).reverse();
}

function cumulative(now, name) {
  const sums = now.by(name, "le");
  return [...sums].map(([bound, count]) => [bound === "+Inf" ? Infinity : Number(bound), count]).sort(([a], [b]) => a - b);
}

// ImageNet's categories are numbers of WordNet's; the cards have names for all of them.
const spoken = (category) => names.get(category) ?? category.replaceAll("_", " ").replaceAll("/", ", ");

function number(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value.toFixed(1);
}

function milliseconds(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const ms = 1000 * seconds;
  if (ms <= FINEST_MS) return `under ${FINEST_MS}\u202fms`;
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)}\u202fms` : `${(ms / 1000).toFixed(1)}\u202fs`;
}

async function showModels(place) {
  try {
    await models.load();
    const cards = await Promise.all(models.all.map((one) => models.card(one.name)));
    for (const one of cards.flatMap((card) => card.labels)) names.set(one.category, one.name);
    place.querySelector(".cards").replaceChildren(...cards.map((card) => make("section.card", {}, make("h3", {}, card.title), facts(card))));
  } catch {
    // The numbers' own message says what is wrong.
  }
}
