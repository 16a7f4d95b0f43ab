// What each part of the view makes of its input: lists of planes, one for each channel.

import { chained, convolve, difference, multiplied, pool, relu, toeplitz, total } from "./convolution.js";
import { geometry } from "./settings.js";

const FIVE = 5;
const NOTHING = 1e-6; // a difference below is rounding

const activated = (plane, activation) => (activation === "relu" ? relu(plane) : plane);
const keepsBrightness = (kernel) => total(kernel) !== 0 || kernel.bias !== 0;

// {output, pooled (or null), field (pixels a side that a place sees), stride, padding}
export function slide(input, settings) {
  const { kernel, activation, pooling } = settings;
  const output = input.map((plane) => activated(convolve(plane, kernel, geometry(settings)), activation));
  const pooled = pooling === "none" ? null : output.map((plane) => pool(plane, pooling));
  return { output, pooled, field: kernel.size, ...geometry(settings) };
}

// Two kernels one after the other, and the one that does both: {output, five, difference, kernel,
// largest and share (of the places that differ), inside (whether none does but at the edge)}.
export function stack(input, settings) {
  const { padding } = geometry(settings);
  const { kernel: first, second, activation } = settings;
  const kernel = chained(first, second);
  const output = input.map((plane) => convolve(activated(convolve(plane, first, { padding }), activation), second, { padding }));
  const five = input.map((plane) => convolve(plane, kernel, { padding: 2 * padding }));
  const rest = output.map((plane, at) => rounded(difference(plane, five[at])));
  return { output, five, difference: rest, kernel, ...summary(rest, padding), field: FIVE, stride: 1, padding: 2 * padding };
}

const rounded = (plane) => ({ ...plane, values: plane.values.map((one) => (Math.abs(one) < NOTHING ? 0 : one)) });

function summary(planes, edge) {
  let [largest, differing, inside] = [0, 0, true];
  for (const { width, height, values } of planes) {
    values.forEach((value, at) => {
      if (!value) return;
      largest = Math.max(largest, Math.abs(value));
      differing += 1;
      const [row, column] = [Math.floor(at / width), at % width];
      if (row >= edge && column >= edge && row < height - edge && column < width - edge) inside = false;
    });
  }
  return { largest, share: differing / (planes.length * planes[0].values.length), inside };
}

// The same convolution as a matrix: {output, matrix, field, stride, padding}.
export function share(input, settings) {
  const { kernel } = settings;
  const matrix = toeplitz(kernel.size, input[0], geometry(settings));
  return { output: input.map((plane) => multiplied(matrix, kernel, plane)), matrix, field: kernel.size, ...geometry(settings) };
}

export const STAGES = { slide, stack, share };

// What a part makes of the whole photo, and how its values are to be shown.
export function whole(input, settings) {
  if (settings.show === "stack") return stack(input, { ...settings, padding: "none" }).output;
  return slide(input, { ...settings, stride: "1", padding: "none", pooling: "none", activation: shownActivation(settings) }).output;
}

const shownActivation = ({ show, activation }) => (show === "share" ? "none" : activation);

export function look(settings) {
  const { show, kernel, second } = settings;
  const [last, first] = show === "stack" ? [second, kernel] : [kernel, kernel];
  const kept = keepsBrightness(last) && (keepsBrightness(first) || last.bias !== 0);
  return { keepsBrightness: kept, isPositive: show === "slide" && settings.activation === "relu" };
}
