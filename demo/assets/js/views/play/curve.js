// Both losses, epoch by epoch.

import { css } from "./paint.js";

const TOP = 16; // pixels above the largest loss, for its number
const RIGHT = 4;
const FLOOR = 0.75; // the axis reaches at least this far: a coin's loss is 0.69

export function curve(canvas, losses, epochs, colours) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.scale(canvas.width / width, canvas.height / height);
  const most = losses.reduce((found, { train, test }) => Math.max(found, train.loss, test.loss), FLOOR);
  const last = Math.max(epochs, losses.length - 1);
  const place = (epoch, loss) => [2 + ((width - 2 - RIGHT) * epoch) / last, height - 2 - ((height - 2 - TOP) * loss) / most];
  frame(context, width, place, most, colours);
  draw(context, losses.map(({ test }) => test.loss), place, colours.ink, [5, 4]);
  draw(context, losses.map(({ train }) => train.loss), place, colours.ink, []);
}

function frame(context, width, place, most, { line, soft }) {
  context.strokeStyle = css(line);
  context.fillStyle = css(soft);
  context.font = "12px system-ui, sans-serif";
  for (const loss of [0, most]) {
    const y = Math.round(place(0, loss)[1]) + 0.5;
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
  }
  context.fillText(most.toFixed(2), 0, place(0, most)[1] - 4);
}

function draw(context, losses, place, colour, dashes) {
  context.strokeStyle = css(colour);
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.setLineDash(dashes);
  context.beginPath();
  losses.forEach((loss, epoch) => context.lineTo(...place(epoch, loss)));
  context.stroke();
  context.setLineDash([]);
}
