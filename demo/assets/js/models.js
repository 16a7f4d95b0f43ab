// The models that the service has, and the one that the visitor chose.

import * as address from "./address.js";
import * as service from "./service.js";

class Models extends EventTarget {
  constructor() {
    super();
    this.forget();
  }

  forget() {
    this.all = []; // as /models lists them
    this.served = []; // those for photographs
    this.cards = new Map();
    this.asked = new Map(); // what is on its way
  }

  // Ask for them, if they are not known yet; gives them.
  async load({ signal } = {}) {
    if (!this.all.length) {
      const { models } = await this.once("", service.models);
      signal?.throwIfAborted();
      const forPhotos = models.filter((one) => one.content === "photographs");
      this.all = models;
      this.served = forPhotos.length ? forPhotos : models;
    }
    return this.served;
  }

  // Who asks for what is on its way to another waits for the same; so nobody's leaving stops it.
  once(key, ask) {
    const { asked } = this;
    if (!asked.has(key)) asked.set(key, ask().finally(() => asked.delete(key)));
    return asked.get(key);
  }

  // The name of the chosen one, or of the default where none is chosen, or the chosen one is gone.
  get chosen() {
    const wanted = address.get("model");
    if (this.served.some((one) => one.name === wanted)) return wanted;
    return this.usual;
  }

  get usual() {
    return (this.served.find((one) => one.default) ?? this.served[0])?.name ?? null;
  }

  choose(name) {
    address.set({ model: name === this.usual ? null : name, label: null });
    this.dispatchEvent(new Event("change"));
  }

  async card(name, { signal } = {}) {
    const { cards } = this;
    if (!cards.has(name)) {
      cards.set(name, await this.once(name, () => service.card(name)));
      signal?.throwIfAborted();
    }
    return cards.get(name);
  }

  // Fill a <select> with them, and keep the two together.
  async fill(select, options) {
    await this.load(options);
    const choices = this.served.map((one) => new Option(one.title, one.name));
    select.replaceChildren(...choices);
    select.value = this.chosen;
    select.disabled = false;
    select.onchange = () => this.choose(select.value);
  }
}

export const models = new Models();
