// Both losses, epoch by epoch.

import { AROUND, axes } from "../../axes.js";
import { css } from "./paint.js";

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
  const { left, top, right, bottom } = AROUND;
  const place = (epoch, loss) => [
    left + ((width - left - right) * epoch) / last,
    top + (height - top - bottom) * (1 - loss / most),
  ];
  axes(context, place, {
    rows: [[0, "0"], [most, most.toFixed(2)]],
    columns: [[0, "0"], [last / 2, "epoch"], [last, last]],
    line: css(colours.line),
    soft: css(colours.soft),
  });
  draw(context, losses.map(({ test }) => test.loss), place, colours.ink, [5, 4]);
  draw(context, losses.map(({ train }) => train.loss), place, colours.ink, []);
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
