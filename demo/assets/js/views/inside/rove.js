// One of many has the focus, and arrows move it: for lists that Tab should pass in one step.

const items = (list) => [...list.querySelectorAll("[role=option]")];

// Have Tab reach this one.
export function stand(list, item) {
  for (const one of items(list)) one.tabIndex = one === item ? 0 : -1;
}

// vertical(at, direction): the one that the arrows up and down go to; focused(item): it has got the
// focus by a key; picked(item): it was clicked, or Enter or the space bar pressed.
export function rove(list, { vertical, focused, picked }) {
  const go = (item) => {
    stand(list, item);
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  list.addEventListener("click", ({ target }) => {
    const item = target.closest("[role=option]");
    if (!item) return;
    go(item);
    picked(item);
  });
  list.addEventListener("keydown", (event) => {
    const all = items(list);
    const at = all.indexOf(event.target.closest("[role=option]"));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = next(event.key, at, all.length, vertical);
    if (to !== undefined) {
      go(all[to]);
      focused?.(all[to]);
    } else if (event.key === "Enter" || event.key === " ") picked(all[at]);
    else return;
    event.preventDefault();
  });
}

function next(key, at, count, vertical) {
  const to = {
    ArrowLeft: () => at - 1,
    ArrowRight: () => at + 1,
    ArrowUp: () => vertical(at, -1),
    ArrowDown: () => vertical(at, 1),
    Home: () => 0,
    End: () => count - 1,
  }[key]?.();
  return to === undefined ? to : Math.min(Math.max(to, 0), count - 1);
}
