// The photo that all views look at. It is kept in this tab alone, so that it is there after another
// view, or this page loaded anew; the service keeps none.

import * as address from "./address.js";
import { SIDE, shrink } from "./shrink.js";

const KEPT = "booth.photo";

export class NoSuchSample extends Error {}

class Photo extends EventTarget {
  constructor() {
    super();
    // {blob: what is sent, file, name, sample (its name, or null), width, height: the upright
    // photo's own size, 0 where this browser can't tell, live: whether it is a camera's frame}
    this.current = null;
    this.sample = undefined; // the name of the one that is there or on its way; null: a photo of the visitor's
    this.own = null; // the visitor's last file
    this.latest = 0;
  }

  // A visitor's file in place of what was there. "taken" tells that it is being read, "change"
  // that it is ready to be sent.
  async take(file, { sample = null, label = null } = {}) {
    const mine = ++this.latest;
    this.sample = sample;
    const isNew = !sample && file !== this.own;
    if (isNew) {
      this.own = file;
      storage()?.removeItem(KEPT); // never another in its place
    }
    this.dispatchEvent(new CustomEvent("taken", { detail: { file, sample } }));
    address.set({ sample, label });
    const { blob, width, height } = await shrink(file, SIDE);
    if (isNew) this.keep(file, blob); // also if a sample has been asked for since: one may go back
    if (mine !== this.latest) return;
    this.current = { blob, file, name: file.name, sample, width, height, live: false };
    this.dispatchEvent(new CustomEvent("change", { detail: { answers: [] } }));
  }

  // A frame of the camera; resolves when the view has its answer, with whether there is one. A view
  // that listens to "change" adds the promise of that to the event's `detail.answers`.
  async look({ blob, width, height }) {
    this.latest += 1;
    this.sample = null;
    if (!this.current?.live) address.set({ sample: null, label: null });
    this.current = { blob, file: null, name: "camera.jpg", sample: null, width, height, live: true };
    const answers = [];
    this.dispatchEvent(new CustomEvent("change", { detail: { answers } }));
    return (await Promise.all(answers)).every(Boolean);
  }

  forget() {
    this.current = null;
    this.dispatchEvent(new CustomEvent("change", { detail: { answers: [] } }));
  }

  async takeSample(name, { label = null } = {}) {
    const mine = ++this.latest;
    this.sample = name;
    this.dispatchEvent(new CustomEvent("asked", { detail: { sample: name } }));
    let blob;
    try {
      blob = await fetched(name);
    } catch (cause) {
      if (mine !== this.latest) return; // nobody waits for it any more
      this.sample = this.current?.sample;
      throw cause;
    }
    if (mine !== this.latest) return;
    await this.take(new File([blob], `${name}.jpg`, { type: "image/jpeg" }), { sample: name, label });
  }

  // What the address names; where it names no sample, the visitor's own photo, if there was one.
  // The address's label is of that photo.
  async restore() {
    const [sample, label] = [address.get("sample") || null, address.get("label")];
    if (sample === this.sample) return;
    const kept = storage()?.getItem(KEPT);
    if (sample) await this.takeSample(sample, { label });
    else if (this.own) await this.take(this.own, { label });
    else if (kept) await this.takeKept(JSON.parse(kept), { label });
    else if (this.sample) this.leave();
  }

  // The photo that is there, or on its way, for the camera or an address without one.
  leave() {
    this.latest += 1;
    this.sample = null;
    this.dispatchEvent(new CustomEvent("asked", { detail: { sample: null } }));
    this.forget();
  }

  async takeKept({ name, data }, { label }) {
    // Not by fetch(data): the page may ask its own host alone.
    const [kind, packed] = data.split(",");
    const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
    this.own = new File([bytes], name, { type: kind.slice("data:".length).split(";")[0] });
    await this.take(this.own, { label });
  }

  // The visitor's own photo is kept also while a sample is seen; a sample needs no keeping.
  keep(file, blob) {
    const reader = new FileReader();
    reader.onload = () => {
      if (file !== this.own) return;
      try {
        storage()?.setItem(KEPT, JSON.stringify({ name: file.name, data: reader.result }));
      } catch {
        // It is larger than a browser keeps for a tab: then it is not there after a reload.
      }
    };
    reader.readAsDataURL(blob);
  }
}

// None where the visitor lets no page keep anything: then even to name it is an error.
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

async function fetched(sample) {
  const response = await fetch(`page/samples/${encodeURIComponent(sample)}.jpg`);
  if (response.status === 404) throw new NoSuchSample(sample);
  if (!response.ok) throw new Error(`no sample ${sample}`);
  return response.blob();
}

export const photo = new Photo();
