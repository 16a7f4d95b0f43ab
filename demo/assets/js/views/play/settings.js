// What a visitor sets: within bounds, in the address, and three set pieces of it.

import { INPUTS } from "./data.js";

export const MOST_LAYERS = 3;
export const MOST_UNITS = 8;

// What may be chosen, and what it is called; the rest is a number within bounds.
export const CHOICES = {
  data: { xor: "XOR", circle: "Circle", gaussians: "Gaussians", spiral: "Spiral" },
  activation: { relu: "ReLU", tanh: "tanh", sigmoid: "sigmoid", linear: "linear" },
  rate: numbers(0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
  optimiser: { sgd: "SGD", momentum: "momentum", adam: "Adam" },
  batch: { 1: "1", 5: "5", 10: "10", 30: "30", 300: "all" },
  l2: numbers(0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
  epochs: numbers(50, 100, 200, 300, 500, 1000, 2000),
};
export const BOUNDS = { noise: [0, 100], share: [10, 90], seed: [1, 9999] };

// These may change while it learns.
export const STEERS = ["rate", "batch", "l2", "epochs"];

export const DEFAULTS = {
  data: "xor",
  noise: 0,
  share: 50,
  seed: 2,
  inputs: ["x1", "x2"],
  hidden: [4],
  activation: "tanh",
  rate: 0.03,
  optimiser: "adam",
  batch: 10,
  l2: 0,
  epochs: 100,
};

export const PIECES = {
  perceptron: { ...DEFAULTS, hidden: [] },
  layer: DEFAULTS,
  overfit: { ...DEFAULTS, hidden: [8, 8, 8], noise: 80, share: 15, epochs: 300 },
};

function numbers(...values) {
  return Object.fromEntries(values.map((one) => [one, String(one)]));
}

// The settings of an address, told by get(name); what makes no sense is as it is by default.
export function read(get) {
  const settings = structuredClone(DEFAULTS);
  for (const name of Object.keys(DEFAULTS)) settings[name] = readers[name]?.(get(name)) ?? plain(name, get(name)) ?? settings[name];
  return settings;
}

const readers = { inputs: readInputs, hidden: readHidden };

function plain(name, text) {
  if (text === null || text === "") return null;
  if (name in BOUNDS) return bounded(name, Number(text));
  if (!Object.hasOwn(CHOICES[name] ?? {}, text)) return null;
  return typeof DEFAULTS[name] === "number" ? Number(text) : text;
}

export function bounded(name, value) {
  const [least, most] = BOUNDS[name];
  return Number.isFinite(value) ? Math.min(most, Math.max(least, Math.round(value))) : null;
}

function readInputs(text) {
  const named = (text ?? "").split(",");
  const known = Object.keys(INPUTS).filter((one) => named.includes(one));
  return known.length ? known : null;
}

function readHidden(text) {
  if (text === "0") return [];
  const layers = (text ?? "").split("-").map(Number);
  const fits = layers.length <= MOST_LAYERS && layers.every((one) => Number.isInteger(one) && one >= 1 && one <= MOST_UNITS);
  return fits ? layers : null;
}

// The same as parameters of the address; null for what is as it is by default.
export function written(settings) {
  const texts = { ...settings, inputs: settings.inputs.join(","), hidden: settings.hidden.join("-") || "0" };
  return Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, same(settings[name], DEFAULTS[name]) ? null : String(texts[name])]));
}

const same = (one, other) => String(one) === String(other);

// The name of the set piece that these settings are, or "own".
export function pieceOf(settings) {
  const isIt = (piece) => Object.keys(DEFAULTS).every((name) => same(PIECES[piece][name], settings[name]));
  return Object.keys(PIECES).find(isIt) ?? "own";
}
