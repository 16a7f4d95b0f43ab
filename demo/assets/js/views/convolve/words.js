// What is written beside the pixels.

import { make, percent } from "../../show.js";
import { outputSize } from "./convolution.js";
import { told } from "./plane_view.js";

const count = (value) => value.toLocaleString("en-GB");
export const sizes = (planes) => {
  const [{ width, height }] = planes;
  return `${width} × ${height}${planes.length > 1 ? ` × ${planes.length}` : ""}`;
};

// The nine products of a place, for a grid of three by three.
export function nine(products) {
  return products.map(({ pixel, weight, product, inside }) =>
    make(
      "span",
      inside ? {} : { class: "outside" },
      make("small", {}, make("i", { style: `--grey:${Math.round(pixel)}` }), `${told(pixel)} × ${told(weight)}`),
      make("b", {}, told(product)),
    ),
  );
}

export const nineAloud = (products) =>
  products.map(({ pixel, weight, product }) => `${told(pixel)} × ${told(weight)} = ${told(product)}`).join(", ");

// From the products to the value: sum, divisor, bias, activation.
export function equation(products, { divisor, bias }, isRelu) {
  const sum = products.reduce((so, { product }) => so + product, 0);
  const value = sum / divisor + bias;
  const steps = [`sum ${told(sum)}`];
  if (divisor !== 1) steps.push(`÷ ${told(divisor)}`);
  if (bias !== 0) steps.push(bias < 0 ? `− ${told(-bias)}` : `+ ${told(bias)}`);
  const before = steps.length > 1 ? `${steps.join(" ")} = ` : `${steps[0].replace(" ", " = ")}`;
  const linear = steps.length > 1 ? told(value) : "";
  if (!isRelu) return steps.length > 1 ? [before, make("b", {}, linear)] : ["sum = ", make("b", {}, told(sum))];
  return [before, linear, ", ReLU: ", make("b", {}, told(Math.max(0, value)))];
}

function formula(size, kernel, stride, padding) {
  const exact = (size + 2 * padding - kernel) % stride === 0;
  const inner = `(${size} + 2 × ${padding} − ${kernel}) ÷ ${stride}`;
  return `${exact ? inner : `⌊${inner}⌋`} + 1 = ${outputSize(size, kernel, stride, padding)}`;
}

const line = (name, text) => make("p", {}, make("b", {}, name), " ", text);

export function slide([{ width, height }], { output, pooled, stride, padding }) {
  const [{ width: wide, height: high }] = output;
  const adds = wide * high * 9 * output.length;
  return [
    line("Width", formula(width, 3, stride, padding)),
    line("Height", formula(height, 3, stride, padding)),
    pooled
      ? line("Pooled", `2 × 2 places become one: ${sizes(pooled)}, no weights`)
      : line("Weights", `9 and a bias, whatever the size; ${count(adds)} multiply-adds`),
  ];
}

export function stack(input, { largest, share, inside, five, padding }, isRelu) {
  const [{ width, height }] = input;
  const steps = [0, 2, 4].map((less) => `${width - less} × ${height - less}`);
  return [
    line("Weights", "2 × 9 = 18 against 25; three in a row see 7 × 7: 27 against 49"),
    line("Size", padding ? `${steps[0]}, with zeros around it, stays` : steps.join(", then ")),
    line("Difference", differing({ largest, share, inside, places: five[0].values.length }, isRelu)),
  ];
}

function differing({ largest, share, inside, places }, isRelu) {
  if (!largest) return isRelu ? "0 here, though ReLU stands between" : `0 at all ${count(places)} places`;
  if (isRelu) return `up to ${told(largest)}, at ${percent(share)} of the places: with ReLU between, no 5 × 5 does the same`;
  if (inside) return `0 inside, up to ${told(largest)} at the edge, which zeros fill`;
  return `up to ${told(largest)}`;
}

export function share({ matrix: { rows, columns, weightAt } }) {
  const zeros = weightAt.reduce((sum, one) => sum + (one < 0), 0);
  const shared = "9: each row has the same nine, shifted";
  const used = rows * columns - zeros; // with zeros around the picture, some of the nine lie on those
  const rest = used < 9 * rows ? `; at the border some lie outside, so that ${count(used)} of ${rows} × 9 are there` : "";
  return [
    line("Fully connected", `${columns} × ${rows} = ${count(rows * columns)} weights, each learned by itself`),
    line("Convolution", `${shared}${rest}`),
    line("The rest", `${count(zeros)} zeros: a place sees its neighbourhood only`),
  ];
}
