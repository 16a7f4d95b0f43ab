// The plane and what lies on it: two tones, a boundary, and a mark for each point.

import { EDGE } from "./data.js";
import { boundary } from "./survey.js";

const FAINTEST = 0.1; // of a tone, just beside the boundary
const STRONGEST = 0.72;

// The page's colours, as they are for this visitor now: [red, green, blue] each.
export function tones(element) {
  const style = getComputedStyle(element);
  const of = (name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    return (hex.length === 3 ? [...hex].map((one) => one + one) : hex.match(/../g)).map((one) => Number.parseInt(one, 16));
  };
  return { one: of("--one"), other: of("--other"), sheet: of("--sheet"), ink: of("--ink"), line: of("--line"), soft: of("--soft") };
}

export const css = (colour) => `rgb(${colour.join(" ")})`;

// A grid of -1 to 1, a pixel a cell; the page stretches it.
export function field(canvas, grid, { one, other, sheet }) {
  const side = Math.sqrt(grid.length);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const { data } = image;
  for (let at = 0; at < grid.length; at += 1) {
    const tone = grid[at] > 0 ? one : other;
    const share = grid[at] === 0 ? 0 : FAINTEST + (STRONGEST - FAINTEST) * Math.abs(grid[at]);
    for (let part = 0; part < 3; part += 1) data[4 * at + part] = sheet[part] + share * (tone[part] - sheet[part]);
    data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// A small picture of some points, without a field.
export function dots(canvas, points, colours) {
  const side = canvas.clientWidth;
  if (!side) return;
  const context = sharp(canvas, side);
  for (const point of points) {
    context.fillStyle = css(point.label ? colours.one : colours.other);
    const [left, top] = placed(point, side);
    shape(context, point.label, left, top, 1.5);
    context.fill();
  }
}

// Points and boundary over the field, sharp on any screen.
export function marks(canvas, { train, test }, output, colours) {
  const side = canvas.clientWidth;
  if (!side) return;
  const context = sharp(canvas, side);
  axes(context, side, colours);
  if (output) line(context, output, side, colours);
  for (const point of test) mark(context, point, side, colours, false);
  for (const point of train) mark(context, point, side, colours, true);
}

function sharp(canvas, side) {
  canvas.width = canvas.height = Math.round(side * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.scale(canvas.width / side, canvas.width / side);
  return context;
}

const placed = ({ x, y }, side) => [(side * (x + EDGE)) / (2 * EDGE), (side * (EDGE - y)) / (2 * EDGE)];

function axes(context, side, { ink }) {
  context.strokeStyle = css(ink);
  context.globalAlpha = 0.14;
  context.beginPath();
  context.moveTo(side / 2, 0);
  context.lineTo(side / 2, side);
  context.moveTo(0, side / 2);
  context.lineTo(side, side / 2);
  context.stroke();
  context.globalAlpha = 1;
}

function line(context, output, side, { ink }) {
  const cells = Math.sqrt(output.length);
  const at = (cell) => ((cell + 0.5) * side) / cells;
  context.beginPath();
  for (const [x, y, toX, toY] of boundary(output, cells)) {
    context.moveTo(at(x), at(y));
    context.lineTo(at(toX), at(toY));
  }
  context.strokeStyle = css(ink);
  context.lineWidth = 2;
  context.lineCap = "round";
  context.stroke();
}

// A disc for one class, a diamond for the other; points of the test are hollow.
function mark(context, point, side, { one, other, sheet }, trains) {
  const [left, top] = placed(point, side);
  const [tone, ground] = [css(point.label ? one : other), css(sheet)];
  shape(context, point.label, left, top, trains ? 4.2 : 3);
  context.fillStyle = trains ? tone : ground;
  context.strokeStyle = trains ? ground : tone;
  context.lineWidth = trains ? 1.2 : 1.4;
  context.fill();
  context.stroke();
}

function shape(context, label, left, top, radius) {
  context.beginPath();
  if (label) context.arc(left, top, radius, 0, 2 * Math.PI);
  else {
    const reach = 1.3 * radius;
    context.moveTo(left, top - reach);
    context.lineTo(left + reach, top);
    context.lineTo(left, top + reach);
    context.lineTo(left - reach, top);
    context.closePath();
  }
}
