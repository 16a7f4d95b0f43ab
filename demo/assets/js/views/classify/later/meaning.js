// What a model's percentages mean, in a line, as far as its card knows.

import { percent } from "../../../show.js";

const FEWEST = 30; // photographs in a bin, or its share says little

export function meaning(card, first) {
  if (first.basis === "distilled") return ""; // the reason below says that nothing measured it
  if (card.calibration) return calibrated(card.calibration, first.confidence);
  const [measured] = card.measured ?? [];
  if (!measured) return "How often such an answer is right has not been measured.";
  return `Its percentages are off by ${points(measured.calibration_error)} on average: read them as an order.`;
}

// The share of right answers among those that are about as confident: between the bins on either
// side; beyond the outermost, that bin itself.
function calibrated({ bins_after: bins, error_after: error }, confidence) {
  const known = bins.map((bin, at) => ({ ...bin, at })).filter((bin) => bin.photographs >= FEWEST);
  if (!known.length) return `What it says and what is right differ by ${points(error)} on average.`;
  const above = known.findIndex((bin) => bin.confidence >= confidence);
  if (above === 0) return said(`${percent((known[0].at + 1) / bins.length)} or less`, known[0].right);
  if (above < 0) return said(`${percent(known.at(-1).at / bins.length)} or more`, known.at(-1).right);
  return said(`about ${percent(confidence)}`, between(known[above - 1], known[above], confidence));
}

const said = (confidence, right) => `Of answers that say ${confidence}, ${percent(right)} are right.`;

function between(low, high, confidence) {
  const share = (confidence - low.confidence) / (high.confidence - low.confidence);
  return low.right + share * (high.right - low.right);
}

function points(share) {
  const count = Math.round(100 * share);
  if (count < 1) return "less than one point";
  return count === 1 ? "one point" : `${count} points`;
}
