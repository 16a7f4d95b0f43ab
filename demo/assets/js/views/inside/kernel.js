// A filter's numbers as pictures: nought is the middle grey, more is brighter, less is darker.

import { make } from "../../show.js";
import { value } from "./words.js";

const STRONGEST = 12; // input channels shown of a filter that has many
const LIGHT = 117; // from this grey on, black is easier to read than white
const READABLE = 5; // numbers a side: those of larger kernels stand in a list

const largest = (kernel) => Math.max(...kernel.flat(2).map(Math.abs), 1e-12);
const shade = (number, most) => Math.round(127.5 + (127.5 * number) / most);

// Draw rows × columns of [red, green, blue].
function drawn(rows, columns, colourAt) {
  const canvas = make("canvas", { width: columns, height: rows, "aria-hidden": true });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) image.data.set([...colourAt(row, column), 255], 4 * (row * columns + column));
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// A filter on the photo's three colours, as the colours that it answers to.
export function picture(kernel) {
  const most = largest(kernel);
  return drawn(kernel.length, kernel[0].length, (row, column) => kernel[row][column].map((one) => shade(one, most)));
}

function plane(kernel, channel, most) {
  return drawn(kernel.length, kernel[0].length, (row, column) => Array(3).fill(shade(kernel[row][column][channel], most)));
}

// layer: which the filter is of; filter: {unit, kernel, bias} as the service gives it.
export function show(layer, { unit, kernel, bias }, first) {
  const most = largest(kernel);
  const channels = kernel[0][0].length;
  const line = make("p.bias", {}, layer.bias ? `Bias ${value(bias)}` : "No bias");
  if (first) return [make("div.colours", {}, make("figure.rgb", {}, picture(kernel), make("figcaption", {}, "as a picture")), ...["red", "green", "blue"].map((name, at) => table(kernel, at, most, name))), line];
  if (channels === 1) return [make("div.colours", {}, table(kernel, 0, most, `on channel ${inputOf(layer, unit, 0)}`)), line];
  return [make("div.channels", {}, ...strongest(kernel, most, (at) => inputOf(layer, unit, at))), line];
}

// Groups read some of the channels only.
function inputOf({ groups, input_channels: channels, shape }, unit, at) {
  const within = channels / (groups ?? 1);
  return Math.floor((unit * (groups ?? 1)) / shape[2]) * within + at;
}

function table(kernel, channel, most, name) {
  const rows = kernel.map((row) => row.map((cell) => cell[channel]));
  if (rows.length > READABLE || rows[0].length > READABLE) {
    const text = rows.map((row) => row.map((one) => one.toFixed(3).padStart(7)).join("")).join("\n");
    return make("figure", {}, plane(kernel, channel, most), make("figcaption", {}, name), make("details", {}, make("summary", {}, "numbers"), make("pre", { tabindex: 0, "aria-label": `The numbers on ${name}` }, text)));
  }
  const cell = (one) => make("td", { style: `--shade:${shade(one, most)}`, class: shade(one, most) < LIGHT ? "dark" : null }, value(one, 2));
  const body = make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell))));
  return make("table", {}, make("caption", {}, name), body);
}

function strongest(kernel, most, inputOf) {
  const channels = kernel[0][0].map((_, at) => ({ at, norm: Math.hypot(...kernel.flat().map((cell) => cell[at])) }));
  const single = kernel.length === 1 && kernel[0].length === 1;
  return channels
    .sort((one, other) => other.norm - one.norm)
    .slice(0, STRONGEST)
    .map(({ at }) => {
      const text = single ? value(kernel[0][0][at]) : "";
      return make("figure", {}, plane(kernel, at, most), make("figcaption", {}, make("i", {}, inputOf(at)), text ? make("b", {}, text) : ""));
    });
}
