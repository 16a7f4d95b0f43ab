// The page's own script: it brings what the server sent to life, moves from view to view without
// loading the page anew, and fetches Gradio's frame once the page stands.

import { camera } from "./camera.js";
import { photo } from "./photo.js";
import { stage } from "./stage.js";
import { models } from "./models.js";
import { make } from "./show.js";

const booth = document.querySelector("#booth");
const assets = booth.dataset.assets;
const place = document.querySelector("#view");
const links = [...booth.querySelectorAll("header nav a")];
const QUIET_MS = 2500; // after all that is seen has been loaded
let leave = null; // what the view that is seen does when it is left
let alive = null; // its name, once it answers
let latest = 0;

async function enter(link, isLatest) {
  const { view: name } = link.dataset;
  if (name === alive) return;
  const script = import(`./views/${name}.js`);
  if (booth.dataset.view !== name) {
    const [html, style] = await Promise.all([text(`views/${name}.html`), styleOf(link), script]);
    if (!isLatest()) return;
    if (linkOf(location.href) !== link) history.pushState(null, "", link.href + location.hash);
    lay(link, html);
    wear(name, style);
  }
  const { mount } = await script;
  if (!isLatest()) return;
  leave = mount(place) ?? null;
  alive = name;
}

async function text(name) {
  const response = await fetch(`${assets}/${name}`);
  if (!response.ok) throw new Error(`no ${name}`);
  return response.text();
}

// Views that look inside bring their style along, which holds while they are seen; the page came
// with the others'.
const styles = new Map([...document.querySelectorAll("style[data-view]")].map((one) => [one.dataset.view, one]));
const styleOf = ({ dataset }) => (styles.has(dataset.view) || !("late" in dataset) ? "" : text(`css/${dataset.view}.css`));

function wear(name, style) {
  if (style && !styles.has(name)) {
    const element = document.createElement("style");
    element.dataset.view = name;
    element.textContent = style;
    document.head.append(element);
    styles.set(name, element);
  }
  for (const [view, element] of styles) element.disabled = view !== name;
}

// In a bar that is too narrow for all. (scrollIntoView would have the next Tab begin there.)
function reveal(link) {
  for (const bar of [link.parentElement, link.closest("nav")]) {
    const [own, seen] = [link.getBoundingClientRect(), bar.getBoundingClientRect()];
    bar.scrollLeft += Math.min(0, own.left - seen.left) + Math.max(0, own.right - seen.right);
  }
}

function lay(link, html) {
  leave?.();
  leave = alive = null;
  stage.overlay.replaceChildren();
  stage.ondrop = null;
  booth.dataset.view = link.dataset.view;
  place.innerHTML = html;
  place.setAttribute("aria-label", link.textContent);
  const isAlone = "alone" in link.dataset;
  if (isAlone) camera.close(); // nobody would see that it is on, nor could stop it
  document.querySelector("#photo").hidden = isAlone;
  booth.querySelector(".sentence").textContent = link.dataset.sentence;
  document.title = `${link.getAttribute("href") === "./" ? "" : `${link.textContent} · `}Booth`;
  for (const one of links) {
    if (one === link) {
      one.setAttribute("aria-current", "page");
      reveal(one);
    } else one.removeAttribute("aria-current");
  }
}

// The link of an address, below whatever prefix.
const linkOf = (url) => links.find((one) => one.pathname === new URL(url, document.baseURI).pathname);

// Loading the page anew would end here again, and again.
function broken() {
  const sentence = document.createElement("p");
  sentence.className = "problem";
  sentence.setAttribute("role", "alert");
  sentence.textContent = "This view could not be started in this browser; reload the page, or choose another view.";
  return sentence;
}

// The view that is seen stays, with all that it holds, and the address is its own again.
function missed(link) {
  const seen = links.find((one) => one.dataset.view === booth.dataset.view);
  if (linkOf(location.href) !== seen) history.replaceState(history.state, "", seen.href + location.hash);
  const again = make("button.button", { type: "button" }, "Try again");
  again.addEventListener("click", () => {
    link.focus(); // the button goes
    go(link);
  });
  const sentence = `${link.textContent} can’t be opened just now: the connection is gone, or Booth is being restarted.`;
  stage.notice.replaceChildren(make("p", {}, sentence), again);
}

async function go(link) {
  const mine = ++latest;
  stage.hush();
  try {
    await enter(link, () => mine === latest);
  } catch (cause) {
    if (mine !== latest) return;
    console.warn(cause);
    if (booth.dataset.view !== link.dataset.view) missed(link);
    else place.replaceChildren(broken());
  }
}

booth.querySelector("header nav").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link);
});
// Back, forward, or another address typed in: the view, the photo, and what else of it is seen.
window.addEventListener("popstate", async () => {
  const link = linkOf(location.href) ?? links[0];
  const stays = link.dataset.view === alive;
  go(link);
  await stage.tried(photo.restore());
  if (stays) window.dispatchEvent(new Event("booth:address"));
});

// What is pressed: an element that is moved before it is let go gets no click.
const held = new Set();
const isButton = ({ button, key }) => button === 0 || key === " ";
for (const [down, up] of [["pointerdown", "pointerup"], ["keydown", "keyup"]]) {
  window.addEventListener(down, (event) => isButton(event) && held.add(down), { capture: true });
  window.addEventListener(up, () => held.delete(down), { capture: true });
}
window.addEventListener("pointercancel", () => held.delete("pointerdown"), { capture: true });
window.addEventListener("blur", () => held.clear());
const isBusy = () => held.size || (CSS.supports("selector(:open)") && booth.querySelector("select:open"));

// Gradio's layout takes the page in; where the browser can, without its losing focus or stopping
// the camera.
async function moveInto(element) {
  while (isBusy()) await new Promise((resolve) => setTimeout(resolve, 50));
  if (element.contains(booth) || !element.isConnected) return;
  booth.querySelector("#main").removeAttribute("role"); // Gradio's own <main> is around it
  const before = document.activeElement;
  if (element.moveBefore) element.moveBefore(booth, null);
  else element.append(booth);
  if (before && booth.contains(before)) before.focus({ preventScroll: true });
}

function fetchGradio() {
  const script = document.createElement("script");
  script.type = "module";
  script.src = window.gradio_script;
  document.head.append(script);
}

// Several photos at once are for the view that takes many, and one is for a view that shows it.
stage.addEventListener("several", (event) => {
  stage.several = event.detail;
  go(links.find((one) => one.dataset.view === "many"));
});
stage.addEventListener("single", () => stage.section.hidden && go(links[0]));

// The bar of a phone shows but some of them.
const current = links.find((one) => one.ariaCurrent);
if (current) reveal(current);
window.booth = { photo, stage, camera, models, moveInto };
stage.start();
camera.start();
go(linkOf(location.href) ?? links[0]);
if (window.early) window.early.click();
else stage.tried(photo.restore());
window.addEventListener("load", () => setTimeout(fetchWhenQuiet, QUIET_MS), { once: true });

// Not while a visitor waits: on a slow line it would take the answer's place.
function fetchWhenQuiet() {
  if (document.hidden || booth.querySelector("[aria-busy=true]")) setTimeout(fetchWhenQuiet, 500);
  else fetchGradio();
}
