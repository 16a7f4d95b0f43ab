// The models that the service has, and the one that the visitor chose.

import * as address from "./address.js";
import * as service from "./service.js";

class Models extends EventTarget {
  constructor() {
    super();
    this.served = []; // as /models lists them
    this.cards = new Map();
  }

  // Ask for them, if they are not known yet; gives them.
  async load(options) {
    if (!this.served.length) {
      const { models } = await service.models(options);
      this.served = models;
    }
    return this.served;
  }

  forget() {
    this.served = [];
    this.cards.clear();
  }

  // The name of the chosen one, or of the default where none is chosen, or the chosen one is gone.
  get chosen() {
    const wanted = address.get("model");
    if (this.served.some((one) => one.name === wanted)) return wanted;
    return this.served.find((one) => one.default)?.name ?? null;
  }

  choose(name) {
    const isDefault = this.served.find((one) => one.default)?.name === name;
    address.set({ model: isDefault ? null : name, label: null });
    this.dispatchEvent(new Event("change"));
  }

  async card(name, options) {
    if (!this.cards.has(name)) this.cards.set(name, await service.card(name, options));
    return this.cards.get(name);
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
