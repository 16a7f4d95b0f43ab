// A layer in words and numbers.

import { large, make } from "../../show.js";

export const count = (value) => value.toLocaleString("en");
export const shape = ({ shape: [height, width, channels] }) => `${height} × ${width} × ${count(channels)}`;
export const capital = (text) => text[0].toUpperCase() + text.slice(1);
export const value = (number, digits = 4) => number.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−");

// What a network's own paper calls its layers, in their order: LeCun et al. 1998, figure 2.
const PAPERS = { lenet5: ["C1", "S2", "C3", "S4", "C5", "F6", "Output"] };

// The layers with their titles, and the titles of those that they read from.
export function titled(layers, architecture) {
  const names = PAPERS[architecture]?.length === layers.length ? PAPERS[architecture] : [];
  const titles = new Map(layers.map(({ name }, at) => [name, names[at] ? `${names[at]} (${name})` : name]));
  return layers.map((layer) => ({ ...layer, title: titles.get(layer.name), reads: layer.inputs.map((name) => titles.get(name) ?? name) }));
}

export const isFlat = ({ shape: [height, width] }) => height === 1 && width === 1;
export const isFirst = (layer) => layer.has_filters && !layer.inputs.length && layer.input_channels === 3;

export function total({ layers, parameters, multiply_adds }) {
  return `${layers.length} layers, ${large(parameters)} parameters, ${large(multiply_adds)} multiply-adds`;
}

export function kind(layer, at, layers) {
  const after = layer.activation ? `, then ${layer.activation}` : "";
  return `${capital(layer.kind)}${after} · layer ${at + 1} of ${layers.length}`;
}

export function facts(layer, size) {
  const rows = {
    Output: shape(layer),
    Kernel: layer.kernel ? kernel(layer) : "none",
    Parameters: count(layer.parameters),
    "Multiply-adds": large(layer.multiply_adds),
    "Receptive field": field(layer.receptive_field, size),
    "Reads from": layer.reads.join(", ") || "the photo",
  };
  return Object.entries(rows).map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text)));
}

function kernel({ kernel: [height, width], stride, input_channels: channels, groups }) {
  const deep = channels ? ` × ${count(channels / (groups ?? 1))}` : "";
  const steps = stride && Math.max(...stride) > 1 ? `, stride ${stride[0] === stride[1] ? stride[0] : stride.join(" × ")}` : "";
  return `${height} × ${width}${deep}${steps}`;
}

function field({ size: [height, width] }, side) {
  return `${count(height)} × ${count(width)} (of ${side} × ${side})`;
}
