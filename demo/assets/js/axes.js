// A chart's axes on a canvas: lines across it with their numbers, and below them what it runs over.

export const AROUND = { left: 42, top: 8, right: 4, bottom: 20 }; // pixels, for the numbers

// place(along, up): a point in pixels; rows: [up, its number]; columns: [along, its number or name],
// the first, the middle and the last.
export function axes(context, place, { rows, columns, line, soft }) {
  const [left, right] = [columns[0][0], columns.at(-1)[0]];
  Object.assign(context, { strokeStyle: line, fillStyle: soft, lineWidth: 1, font: "12px system-ui, sans-serif" });
  Object.assign(context, { textAlign: "right", textBaseline: "middle" });
  for (const [up, number] of rows) {
    const [x, y] = place(left, up).map((one) => Math.round(one) + 0.5);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(place(right, up)[0], y);
    context.stroke();
    context.fillText(number, x - 6, y);
  }
  context.textBaseline = "top";
  columns.forEach(([along, text], at) => {
    const [x, y] = place(along, 0);
    context.textAlign = ["left", "center", "right"][at];
    context.fillText(text, x, y + 6);
  });
}
