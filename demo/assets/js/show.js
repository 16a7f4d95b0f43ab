// How answers are shown in every view.

// A share of 1 for people: "72 %", with a decimal where rounding would hide something.
export function percent(share) {
  const hundredths = 100 * share;
  const decimals = hundredths >= 10 && hundredths < 99.5 ? 0 : 1;
  return `${hundredths.toFixed(decimals)}\u202f%`;
}

// A count as people say it, to three digits where it is large: "7.96 million", "61,706".
export function large(count) {
  const three = (value) => value.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  if (count >= 1e9) return `${three(count / 1e9)} billion`;
  return count >= 1e6 ? `${three(count / 1e6)} million` : count.toLocaleString("en");
}

// An element: make("p.first", {title: "..."}, "text", another).
export function make(kind, attributes = {}, ...content) {
  const [name, ...classes] = kind.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(attribute, "");
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...content);
  return made;
}

// Whether a photo is like those that the model learned from. Confidences were measured on such
// photos; of another one they say nothing, so that no view shows any.
export const isKnown = ({ known }) => known !== false;

export const NOTHING = "Nothing I know";
export const UNKNOWN = "This is unlike the photos that it learned from, so no percentage would hold. What comes nearest:";

// What an answer says, where there is room for a line.
export function inShort(answer) {
  const [first] = answer.predictions;
  return isKnown(answer) ? first.label : `${NOTHING}, nearest: ${first.label}`;
}

export const UNMEASURED =
  "Learned from another network, not from labelled photographs: its confidence is unmeasured.";

// A label, with its mark where no labelled photograph taught it.
export function label(one) {
  if (one.basis !== "distilled") return [one.label];
  return [one.label, make("sup", { role: "img", "aria-label": "(distilled)", title: UNMEASURED }, "†")];
}
