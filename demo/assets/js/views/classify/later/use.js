// The lines that give the answer that is seen: for a terminal, for Python, for JavaScript.

import { make } from "../../../show.js";

const COPIED_MS = 2000;
const LANGUAGES = ["curl", "Python", "JavaScript"];

// names: the models that answered; photo: as in photo.js. Gives the lines by language.
export function lines(base, { name, sample }, names, topK) {
  const file = sample ? `${base}page/samples/${encodeURIComponent(sample)}.jpg` : null;
  const given = { base, file, name, names, topK };
  return { curl: curl(given), Python: python(given), JavaScript: javaScript(given) };
}

const address = (base, model, topK) => `${base}classify?${new URLSearchParams({ model, top_k: topK })}`;
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ base, file, name, names, topK }) {
  const one = (model) => {
    const to = quoted(address(base, model, topK));
    if (!file) return `curl --data-binary ${quoted(`@${name}`)} ${to}`;
    return `curl -s ${quoted(file)} |\n  curl -s --data-binary @- ${to}`;
  };
  return names.map(one).join("\n");
}

function python({ base, file, name, names, topK }) {
  const models = names.map((one) => JSON.stringify(one)).join(", ");
  return [
    ...(file ? ["import httpx", ""] : []),
    "from booth_client import Client",
    "",
    file ? `photo = httpx.get(${JSON.stringify(file)}).content` : `photo = ${JSON.stringify(name)}  # its path`,
    `with Client(${JSON.stringify(base.replace(/\/$/, ""))}) as booth:`,
    `    for model in [${models}]:`,
    `        answer = booth.classify(photo, model=model, top_k=${topK})`,
    "        for one in answer.predictions:",
    '            print(f"{one.confidence:.3f} {one.label}")',
  ].join("\n");
}

function javaScript({ base, file, names, topK }) {
  const asked = names.map((one) => JSON.stringify(address(base, one, topK)));
  return [
    file
      ? `const photo = await (await fetch(${JSON.stringify(file)})).blob();`
      : 'const [photo] = document.querySelector("input[type=file]").files;',
    ...(asked.length > 1 ? [`for (const address of [\n  ${asked.join(",\n  ")},\n]) {`] : [`const address = ${asked[0]};`]),
    ...indented(
      [
        'const response = await fetch(address, { method: "POST", body: photo });',
        "const { predictions } = await response.json();",
        "for (const { confidence, label } of predictions) console.log(confidence, label);",
      ],
      asked.length > 1,
    ),
    ...(asked.length > 1 ? ["}"] : []),
  ].join("\n");
}

const indented = (all, isInside) => all.map((line) => (isInside ? `  ${line}` : line));

// The fold that shows them; while there is no answer it keeps its place.
export class Use {
  constructor(element) {
    this.element = element;
    this.lines = {};
    this.code = make("code");
    this.tabs = LANGUAGES.map(tab);
    const copy = button("Copy", () => this.code.textContent);
    this.link = make("p.link", { hidden: true }, "Or send somebody this very answer: ", button("Copy link", () => location.href));
    element.append(
      make("summary", {}, "Use this"),
      make("div.bar", {}, make("div.tabs", { role: "tablist", "aria-label": "Language" }, ...this.tabs), copy),
      make("pre", { role: "tabpanel", id: "lines", tabindex: "0" }, this.code),
      this.link,
    );
    this.tabs[0].parentElement.addEventListener("click", (event) => this.choose(event.target.closest("button")));
    this.tabs[0].parentElement.addEventListener("keydown", (event) => this.move(event));
    this.choose(this.tabs[0]);
  }

  refresh(lines, hasAddress) {
    this.lines = lines;
    this.link.hidden = !hasAddress;
    this.element.classList.remove("away");
    this.show();
  }

  hide() {
    this.element.open = false;
    this.element.classList.add("away");
  }

  choose(chosen) {
    if (!chosen) return;
    for (const one of this.tabs) {
      one.setAttribute("aria-selected", String(one === chosen));
      one.tabIndex = one === chosen ? 0 : -1;
    }
    this.chosen = chosen;
    this.element.querySelector("pre").setAttribute("aria-labelledby", chosen.id);
    this.show();
  }

  show() {
    this.code.textContent = this.lines[this.chosen.textContent] ?? "";
  }

  move(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.tabs.indexOf(this.chosen);
    const next = this.tabs.at((at + by) % this.tabs.length);
    this.choose(next);
    next.focus();
  }
}

function tab(language) {
  const given = { type: "button", role: "tab", id: `lines-${language}`, "aria-controls": "lines" };
  return make("button", given, language);
}

// A button that copies what `text()` gives, and says so.
function button(name, text) {
  const made = make("button.copy", { type: "button", "aria-live": "polite" }, name);
  made.addEventListener("click", async () => {
    await copy(text());
    made.focus();
    made.textContent = "Copied";
    setTimeout(() => (made.textContent = name), COPIED_MS);
  });
  return made;
}

// Browsers have a clipboard at https and on the machine itself, and may forbid it; then the older way.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea.unseen-text", { "aria-hidden": "true" });
    field.value = text;
    document.querySelector("#view").append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
