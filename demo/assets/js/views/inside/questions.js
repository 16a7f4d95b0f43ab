// The lecture's two questions, asked of the layer in view, and checked with a kind word.

import { make } from "../../show.js";
import { count } from "./words.js";

const QUESTIONS = { each: "How many parameters has one filter of this layer?", filters: "How many filters are there?" };

export function questions(layer) {
  if (!layer.input_channels) return [make("h3", {}, `${layer.title} has no filters`), make("p.none", {}, `A layer of ${layer.kind} has nothing to learn: choose one that has.`)];
  const asked = Object.entries(QUESTIONS).flatMap(([name, text]) => [
    make("label", { for: `ask-${name}` }, text),
    make("input", { id: `ask-${name}`, name, type: "number", inputmode: "numeric", min: 0, "aria-describedby": `say-${name}` }),
    make("p.said", { id: `say-${name}`, role: "status" }),
  ]);
  return [make("h3", {}, `Two questions about ${layer.title}`), ...asked, make("button.button", {}, "Check")];
}

// Check what was filled in; an empty one is left alone.
export function check(form, layer) {
  for (const [name, verdict] of Object.entries({ each, filters })) {
    const said = form.querySelector(`#say-${name}`);
    const { value } = form.elements[name];
    if (value === "") continue;
    const { right, text } = verdict(Number(value), layer);
    said.dataset.right = String(right);
    said.textContent = text;
  }
}

function numbers({ kernel, input_channels: channels, groups, bias, shape }) {
  const [height, width] = kernel ?? [1, 1];
  const inputs = channels / (groups ?? 1);
  const weights = height * width * inputs;
  return { height, width, inputs, weights, each: weights + Number(bias), filters: shape[2] };
}

// How it is counted, in full.
function sum(layer) {
  const { height, width, inputs, each } = numbers(layer);
  const through = layer.kernel && height * width > 1 ? `${height} × ${width} × ${count(inputs)}` : `${count(inputs)}`;
  return `${through} weights${layer.bias ? " + 1 bias" : ", no bias"} = ${count(each)}`;
}

function each(given, layer) {
  if (given === numbers(layer).each) return { right: true, text: `Right: ${sum(layer)}.` };
  return { right: false, text: `${mistake(given, layer)} ${sum(layer)}.` };
}

function mistake(given, layer) {
  const { height, width, inputs, weights, each: right, filters: many } = numbers(layer);
  const all = (layer.groups ?? 1) > 1 ? height * width * layer.input_channels : null;
  if (layer.bias && given === weights) return "Nearly: each filter has a bias too.";
  if (given === layer.parameters || given === right * many) return "That is the whole layer; one filter has fewer.";
  if (all && (given === all || given === all + 1)) return `Not quite: each filter here looks at ${inputs === 1 ? "one channel" : `${inputs} channels`} only.`;
  if (inputs > 1 && (given === height * width || given === height * width + 1)) return `Not quite: a filter goes through all ${count(inputs)} input channels.`;
  return "Not quite. Height times width of the kernel, times the input channels that it sees, and the bias:";
}

function filters(given, layer) {
  const { filters: right } = numbers(layer);
  if (given === right) return { right: true, text: `Right: each filter makes one of the ${count(right)} maps.` };
  const inputs = given === layer.input_channels ? "That is how many channels come in. " : "Not quite. ";
  return { right: false, text: `${inputs}Each filter makes one map, so count what comes out: ${count(right)}.` };
}
