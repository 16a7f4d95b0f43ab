// The names of units, and what one does as a line of mathematics.

import { INPUTS } from "./data.js";

const DIGITS = "₀₁₂₃₄₅₆₇₈₉";
const FUNCTIONS = { relu: "ReLU", tanh: "tanh", sigmoid: "σ", linear: "" };

// "x₁", "a₃" of the first hidden layer, "b₁", "c₁", or "y" of the output; layer 0 is the inputs.
export function unitName({ inputs, hidden }, layer, unit) {
  if (layer === 0) return INPUTS[inputs[unit]].name;
  return layer > hidden.length ? "y" : `${"abc"[layer - 1]}${DIGITS[unit + 1]}`;
}

export function unitTitle(settings, layer, unit) {
  const name = unitName(settings, layer, unit);
  if (layer === 0) return `Input ${name}`;
  return layer > settings.hidden.length ? "Output y" : `${name}, hidden layer ${layer}`;
}

export const number = (value) => value.toFixed(2).replace("-", "−");

// "a₁ = tanh(0.52 x₁ − 1.20 x₂ + 0.30)"
export function formula(settings, network, layer, unit) {
  const name = unitName(settings, layer, unit);
  if (layer === 0) return `${name}, as it is`;
  const terms = [...network.values[layer - 1].keys()].map((input) => [network.weight(layer - 1, unit, input), `\u00a0${unitName(settings, layer - 1, input)}`]);
  terms.push([network.bias(layer - 1, unit), ""]);
  const sum = terms.map(([value, of], at) => `${sign(value, at)}${number(Math.abs(value))}${of}`).join(" ");
  const applied = layer > settings.hidden.length ? "σ" : FUNCTIONS[settings.activation];
  return `${name} = ${applied ? `${applied}(${sum})` : sum}`;
}

const sign = (value, at) => (value < 0 ? (at ? "−\u00a0" : "−") : at ? "+\u00a0" : "");

// "x₁ → a₂: −1.20"
export function weightText(settings, network, layer, unit, input) {
  const [from, to] = [unitName(settings, layer - 1, input), unitName(settings, layer, unit)];
  return `The weight from ${from} to ${to}: ${number(network.weight(layer - 1, unit, input))}`;
}
