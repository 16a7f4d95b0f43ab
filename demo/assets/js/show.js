// How answers are shown in every view.

// A share of 1 for people: "72 %", with a decimal where rounding would hide something.
export function percent(share) {
  const hundredths = 100 * share;
  const decimals = hundredths >= 10 && hundredths < 99.5 ? 0 : 1;
  return `${hundredths.toFixed(decimals)}\u202f%`;
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

export const UNMEASURED =
  "Learned from another network, not from labelled photographs: its confidence is unmeasured.";

// A label, with its mark where no labelled photograph taught it.
export function label(one) {
  if (one.basis !== "distilled") return [one.label];
  return [one.label, make("sup", { role: "img", "aria-label": "(distilled)", title: UNMEASURED }, "†")];
}
