// A line for each label's confidence, step by step; as many steps as there is room for.

import { AROUND, axes } from "../../axes.js";

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 4]];

export class Plot {
  constructor(canvas, most = 120) {
    Object.assign(this, { canvas, most });
    this.clear();
  }

  clear() {
    this.labels = []; // those that were first at some step, the first of them first
    this.steps = []; // category -> confidence, of the answer's labels
    this.gone = 0; // steps for which there was no room any more
    this.draw();
  }

  add(predictions) {
    this.steps.push(new Map(predictions.map((one) => [one.category, one.confidence])));
    if (this.steps.length > this.most) {
      this.steps.shift();
      this.gone += 1;
    }
    const [{ category, label }] = predictions;
    if (!this.labels.some((one) => one.category === category)) this.labels.push({ category, label });
    this.draw();
  }

  // How often the first label was another than the step before.
  get changes() {
    const firsts = this.steps.map((step) => step.keys().next().value);
    return firsts.filter((one, index) => index && one !== firsts[index - 1]).length;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const ratio = devicePixelRatio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas);
    const { left, top, right, bottom } = AROUND;
    const place = (number, share) => [
      left + ((width - left - right) * number) / (this.most - 1),
      top + (height - top - bottom) * (1 - share),
    ];
    this.axes(context, place, style);
    for (const [index, one] of this.labels.slice(-DASHES.length).entries()) this.line(context, width, place, style, one, index);
  }

  axes(context, place, style) {
    const last = this.most - 1;
    axes(context, place, {
      rows: [0, 0.5, 1].map((share) => [share, `${100 * share}\u202f%`]),
      columns: [[0, this.gone + 1], [last / 2, "answer"], [last, this.gone + this.most]],
      line: style.getPropertyValue("--line"),
      soft: style.getPropertyValue("--soft"),
    });
  }

  line(context, width, place, style, { category, label }, index) {
    const at = (step, number) => place(number, step.get(category) ?? 0);
    context.strokeStyle = index ? style.getPropertyValue("--ink") : style.getPropertyValue("--curtain");
    context.fillStyle = context.strokeStyle;
    context.lineWidth = index ? 1.5 : 2.5;
    context.setLineDash(DASHES[index]);
    context.beginPath();
    for (const [number, step] of this.steps.entries()) context.lineTo(...at(step, number));
    context.stroke();
    context.setLineDash([]);
    if (!this.steps.length) return;
    const [x, y] = at(this.steps.at(-1), this.steps.length - 1);
    if (this.steps.at(-1).get(category) < 0.04) return;
    Object.assign(context, { font: "600 12px system-ui, sans-serif", textAlign: "left", textBaseline: "alphabetic" });
    const wide = context.measureText(label).width;
    context.fillText(label, Math.min(x + 5, width - wide - 2), Math.max(22, y - 5));
  }
}
