// What the race is in words and numbers.

import { isKnown, percent } from "../../show.js";

// Milliseconds in the network; an answer that the service remembered cost none.
export const spent = ({ timing_ms }) => timing_ms.inference;

export const milliseconds = (ms) => (ms ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en")}\u202fms` : "remembered");

const share = (value) => `${(100 * (1 - value)).toFixed(1)}\u202f%`;

// The errors to an accuracy, each with its name: [["Published top-1 error", "43.5 %"], ...].
export function errors(kind, accuracy) {
  if (!accuracy) return [[`${kind} error`, "none stated"]];
  const { top1, top5 } = accuracy;
  const isStated = top5 !== null && top5 !== undefined;
  return [[`${kind} top-1 error`, share(top1)], [`${kind} top-5 error`, isStated ? share(top5) : "not stated"]];
}

// The headline of the race. answered: networks with their answers; of: how many take part.
export function told(answered, { running, of }) {
  if (running) return { empty: true, text: `${running.title} is looking at it: ${answered.length + 1} of ${of}` };
  if (!answered.length) return { empty: true, text: of ? "Choose a photo, and the race begins" : "No network takes part" };
  const timed = answered.filter(({ answer }) => spent(answer)).sort((one, other) => spent(one.answer) - spent(other.answer));
  if (!timed.length) return { text: "The service remembered all answers" };
  const [first, last] = [timed[0], timed.at(-1)];
  const quickest = `${first.title} took ${milliseconds(spent(first.answer))}`;
  if (first === last) return { text: quickest };
  const times = spent(last.answer) / spent(first.answer);
  return { text: `${quickest}, ${last.title} ${times < 1.05 ? "about as long" : `${times.toFixed(times < 10 ? 1 : 0)} times as long`}` };
}

// Whether those that name the same kind of thing agree; who doesn't know the photo has no vote.
export function verdict(all) {
  const answered = all.filter(({ answer }) => isKnown(answer));
  if (answered.length < 2) return "";
  const firsts = answered.map(({ title, answer }) => ({ title, ...answer.predictions[0] }));
  const votes = new Map();
  for (const { category, label } of firsts) votes.set(category, { label, count: (votes.get(category)?.count ?? 0) + 1 });
  const [{ label, count }] = [...votes.values()].sort((one, other) => other.count - one.count);
  if (count === firsts.length) return `All ${count} say ${label}.`;
  if (count === 1) return "Each says something else.";
  const most = firsts.filter((one) => one.label === label);
  const surest = Math.max(...most.map(({ confidence }) => confidence));
  return `${count} of ${firsts.length} say ${label}, the surest with ${percent(surest)}.`;
}
