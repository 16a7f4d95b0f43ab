// What the page asks the service: its public routes, each below the page's own address.

const LONGEST_MS = 60_000; // without a byte: the server is frozen, or the connection gone

// What went wrong, in a visitor's words; `again` says whether to try again may help, `kind` is the
// service's name for it, where the service said it.
export class Problem extends Error {
  constructor(heading, sentence, again = true) {
    super(sentence);
    this.heading = heading;
    this.again = again;
  }
}

const AWAY = () => new Problem("Booth can’t be reached", "The connection is gone, or Booth is being restarted.");
const SLOW = () => new Problem("No answer came", "Booth is busy, or the connection is very slow.");

// By kind, as in the service's `type`; for the rest the service's own sentence is shown.
const KINDS = {
  "bad-image": ["That file is no photograph", false],
  "unsupported-format": ["That file is no photograph that Booth can read", false],
  "too-large": ["That photograph is too large", false],
  "too-many-pixels": ["That photograph is too large", false],
  "invalid-parameter": ["That can’t be answered", false],
  overloaded: ["Many photographs are waiting just now", true, "Booth will have room again in a moment."],
  "rate-limited": ["That was a lot of photographs at once", true, "In a minute there is room for more."],
  deadline: ["That took too long", true, "Many photographs are waiting just now."],
  "shutting-down": ["Booth is being restarted", true, "It will be back in a moment."],
  unreachable: ["Booth can’t be reached", true, "It is being restarted, or the connection to it is gone."],
  "unknown-model": ["This model is not served any more", true, "Another one is in its place now."],
};

export function problemOf(status, body) {
  const kind = String(body?.type ?? "").replace("/problems/", "");
  const [heading, again, sentence] = KINDS[kind] ?? ["That did not work", status >= 500];
  const problem = new Problem(heading, sentence ?? body?.detail ?? "Something failed on Booth’s side.", again);
  return Object.assign(problem, { kind });
}

// Ask by GET; gives what the JSON says, or the text where it is none.
export async function read(path, { signal } = {}) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.any([AbortSignal.timeout(LONGEST_MS), ...(signal ? [signal] : [])]) });
  } catch (cause) {
    throw failure(cause);
  }
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  if (!response.ok) throw problemOf(response.status, isJson ? await response.json().catch(() => null) : null);
  return isJson ? response.json() : response.text();
}

function failure(cause) {
  if (cause.name === "AbortError") return cause;
  return cause.name === "TimeoutError" ? SLOW() : AWAY();
}

// Send a photo by POST; `progress` is told the share that has gone up, 0 to 1. fetch has no such
// thing, so this is the older way.
export function send(path, blob, { signal, progress } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal?.addEventListener("abort", abort, { once: true });
    request.open("POST", path);
    request.responseType = "json";
    request.timeout = LONGEST_MS;
    request.upload.onprogress = (event) => event.lengthComputable && progress?.(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 200 && request.response) resolve(request.response);
      else reject(problemOf(request.status, request.response));
    };
    request.onerror = () => reject(AWAY());
    request.ontimeout = () => reject(SLOW());
    request.onabort = () => reject(new DOMException("given up", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.send(blob);
  });
}

const query = (parameters) =>
  new URLSearchParams(Object.entries(parameters).filter(([, value]) => value != null)).toString();

// parameters: model, top_k, explain ("region", "cells", "region,cells"), ...
export const classify = (blob, parameters, options) => send(`classify?${query(parameters)}`, blob, options);
// parameters: model, top_k, step
export const labelMap = (blob, parameters, options) => send(`label-map?${query(parameters)}`, blob, options);
// parameters: model, layer; without a layer the features that are classified
export const features = (blob, parameters, options) => send(`features?${query(parameters)}`, blob, options);
export const models = (options) => read("models", options);
export const card = (name, options) => read(`models/${encodeURIComponent(name)}`, options);
export const metrics = (options) => read("metrics", options);
export const layers = (name, options) => read(`models/${encodeURIComponent(name)}/layers`, options);
// parameters: layer, unit ("17" or "17,18")
export const filters = (name, parameters, options) => read(`models/${encodeURIComponent(name)}/filters?${query(parameters)}`, options);
// parameters: model, layer, units or unit, maps ("numbers", "png", "none")
export const activations = (blob, parameters, options) => send(`activations?${query(parameters)}`, blob, options);
// parameters: model, layer, unit
export const occlusion = (blob, parameters, options) => send(`occlusion?${query(parameters)}`, blob, options);
