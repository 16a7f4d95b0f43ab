// The address of what is seen: the view is its path, the rest its fragment (#sample=tracks&label=1).

const read = () => new URLSearchParams(location.hash.slice(1));

export const get = (name) => read().get(name);

// Set some of the fragment's parameters; null takes one away. The visitor's history stays as it is.
export function set(parameters) {
  const all = read();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === "") all.delete(name);
    else all.set(name, value);
  }
  const fragment = all.toString();
  const next = `${location.pathname}${location.search}${fragment && `#${fragment}`}`;
  history.replaceState(history.state, "", next);
}
