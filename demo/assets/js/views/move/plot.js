// A line for each label's confidence, step by step; as many steps as there is room for.

import { AROUND, axes } from "../../axes.js";
import { isKnown } from "../../show.js";

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 4]];

export class Plot {
  constructor(canvas, most = 120) {
    Object.assign(this, { canvas, most });
    this.clear();
  }

  clear() {
    this.labels = []; // those that were first at some step, the first of them first
    this.steps = []; // {first: category, shares: category -> confidence, none where none holds}
    this.gone = 0; // steps for which there was no room any more
    this.draw();
  }

  add(answer) {
    const shown = isKnown(answer) ? answer.predictions : [];
    const shares = new Map(shown.map((one) => [one.category, one.confidence]));
    this.steps.push({ first: answer.predictions[0].category, shares });
    if (this.steps.length > this.most) {
      this.steps.shift();
      this.gone += 1;
    }
    const [first] = shown;
    if (first && !this.labels.some((one) => one.category === first.category)) this.labels.push(first);
    this.draw();
  }

  // How often the first label was another than the step before.
  get changes() {
    return this.steps.filter(({ first }, index) => index && first !== this.steps[index - 1].first).length;
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
    const share = (step) => step.shares.get(category) ?? 0;
    context.strokeStyle = index ? style.getPropertyValue("--ink") : style.getPropertyValue("--curtain");
    context.fillStyle = context.strokeStyle;
    context.lineWidth = index ? 1.5 : 2.5;
    context.setLineDash(DASHES[index]);
    context.beginPath();
    this.steps.forEach((step, number) => {
      const isAfterGap = !this.steps[number - 1]?.shares.size;
      if (step.shares.size) context[isAfterGap ? "moveTo" : "lineTo"](...place(number, share(step)));
    });
    context.stroke();
    context.setLineDash([]);
    const last = this.steps.at(-1);
    if (!last || share(last) < 0.04) return;
    const [x, y] = place(this.steps.length - 1, share(last));
    Object.assign(context, { font: "600 12px system-ui, sans-serif", textAlign: "left", textBaseline: "alphabetic" });
    const wide = context.measureText(label).width;
    context.fillText(label, Math.min(x + 5, width - wide - 2), Math.max(22, y - 5));
  }
}
