// Which models answer: one, or a scene model and an object model side by side.

import * as address from "../../address.js";
import { models } from "../../models.js";

const BOTH = "both";

// The first model of either kind, the scenes' first; none where only one kind is served.
function pair() {
  const scenes = models.served.find((one) => one.scene);
  const objects = models.served.find((one) => !one.scene);
  return scenes && objects ? [scenes, objects] : null;
}

// The value of what is chosen in the <select>.
export function chosen() {
  const wanted = address.get("model");
  if (pair() && !models.served.some((one) => one.name === wanted)) return BOTH;
  return models.chosen;
}

// The models that answer, each with what it names where there are two. Before the service has said
// which it has, what is likely, so that nothing moves then.
export function choice() {
  if (!models.served.length) return address.get("model") ? [{}] : captioned([{}, {}]);
  if (chosen() === BOTH) return captioned(pair());
  return [{ name: models.chosen }];
}

const captioned = (two) => two.map(({ name }, at) => ({ name, caption: ["Scene", "Objects"][at] }));

export function choose(value) {
  address.set({ model: value === BOTH ? null : value, label: null });
}

// Fill a <select> with what there is to choose.
export async function fill(select, options) {
  await models.load(options);
  const choices = models.served.map((one) => new Option(one.title, one.name));
  if (pair()) choices.unshift(new Option("Scenes and objects", BOTH));
  select.replaceChildren(...choices);
  select.value = chosen();
  select.disabled = false;
}
