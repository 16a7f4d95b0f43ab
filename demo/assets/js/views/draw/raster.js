// From a drawing to the 28 by 28 pixels that the network sees.

import { BOARD, box, trace } from "./strokes.js";

export const SIDE = 28;
const FIT = 20; // of MNIST: the digit fits a box of 20 by 20, its centre of mass in the middle
const FINENESS = 4; // a pixel is the mean of so many by so many
const LARGEST = 3; // a dot is no digit, and is not blown up to one
const PIXEL = SIDE / BOARD;
const NOISE = 0.04; // of the pixels, a step

const fine = document.createElement("canvas");
fine.width = fine.height = SIDE * FINENESS;
const pen = fine.getContext("2d", { willReadFrequently: true });

// Where noise falls, and what it puts there: always the same.
const DICE = dice(2 * SIDE * SIDE);

// The ink of each pixel, 0 to 255. `centred`: as MNIST has it, whatever its place and size.
export function rasterised(drawing, centred) {
  const ink = inked(drawing, centred ? centring(drawing) : { scale: 1, x: 0, y: 0 });
  return ink.map((value, place) => noiseAt(drawing.noise, place) ?? value);
}

// What noise puts in a pixel, or null where it spares it.
export function noiseAt(steps, place) {
  if (DICE[2 * place] >= steps * NOISE) return null;
  return DICE[2 * place + 1] < 0.5 ? 255 : 0;
}

// From the board to MNIST's frame, in pixels: scale, then x and y.
function centring(drawing) {
  const { left, top, width, height } = box(drawing.strokes);
  const room = (FIT - drawing.pen * PIXEL) / PIXEL;
  const scale = Math.min(room / Math.max(width, height, 1), LARGEST);
  const x = SIDE / 2 - (left + width / 2) * PIXEL * scale;
  const y = SIDE / 2 - (top + height / 2) * PIXEL * scale;
  const mass = massOf(inked(drawing, { scale, x, y }));
  return { scale, x: x + SIDE / 2 - mass.x, y: y + SIDE / 2 - mass.y };
}

// The pen is as wide whatever the scale: it is the same pen.
function inked({ strokes, pen: width }, { scale, x, y }) {
  const side = SIDE * FINENESS;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, side, side);
  const zoom = PIXEL * FINENESS * scale;
  pen.setTransform(zoom, 0, 0, zoom, x * FINENESS, y * FINENESS);
  drawStrokes(pen, strokes, width / scale);
  return averaged(pen.getImageData(0, 0, side, side).data);
}

export function drawStrokes(context, strokes, width) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  for (const stroke of strokes) trace(context, stroke);
  context.stroke();
}

function averaged(rgba) {
  const ink = new Float32Array(SIDE * SIDE);
  const side = SIDE * FINENESS;
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const place = Math.floor(row / FINENESS) * SIDE + Math.floor(column / FINENESS);
      ink[place] += rgba[4 * (row * side + column) + 3] / FINENESS ** 2;
    }
  }
  return Uint8ClampedArray.from(ink);
}

function massOf(ink) {
  let [sum, x, y] = [0, 0, 0];
  ink.forEach((value, place) => {
    sum += value;
    x += value * ((place % SIDE) + 0.5);
    y += value * (Math.floor(place / SIDE) + 0.5);
  });
  return sum ? { x: x / sum, y: y / sum } : { x: SIDE / 2, y: SIDE / 2 };
}

// Random numbers of 0 to 1, always the same (Marsaglia's xorshift).
function dice(count) {
  let state = 2463534242;
  return Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  });
}

// Paint the ink onto a canvas of 28 by 28: white on black, as MNIST is.
export function paint(canvas, ink) {
  const image = new ImageData(SIDE, SIDE);
  ink.forEach((value, place) => image.data.set([value, value, value, 255], 4 * place));
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}

export const png = (canvas) =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the canvas is empty"))), "image/png");
  });
