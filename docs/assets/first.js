// Runs before the page is drawn, so that its colours are right from the start.

// What Material's script looks for. Its own lines for this stand in the page, where a strict
// Content-Security-Policy forbids scripts.
__md_scope = new URL(document.currentScript.dataset.root, location);
__md_get = (key, storage = localStorage, scope = __md_scope) => JSON.parse(storage.getItem(`${scope.pathname}.${key}`));
__md_set = (key, value, storage = localStorage, scope = __md_scope) => {
  try {
    storage.setItem(`${scope.pathname}.${key}`, JSON.stringify(value));
  } catch {} // storage is full or forbidden
};

// What it would set later, when the browser would have to look at every element again.
document.documentElement.classList.replace("no-js", "js");
document.documentElement.classList.add("js-focus-visible");
document.documentElement.dataset.jsFocusVisible = "";

// The colours: light, dark, or as the system. The button goes on to the next choice (palette.html).
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = "(prefers-color-scheme)"; // as the system
  try {
    chosen = __md_get("__palette")?.color?.media ?? chosen;
  } catch {} // storage is forbidden
  const show = () => {
    const isDark = chosen.includes(":") ? chosen.includes("dark") : system.matches;
    document.body.dataset.mdColorScheme = isDark ? "slate" : "default";
    document.body.dataset.mdColorMedia = chosen;
  };
  new MutationObserver((_, observer) => document.body && (show(), observer.disconnect())).observe(
    document.documentElement,
    { childList: true },
  );
  system.addEventListener("change", show);
  addEventListener("click", ({ target }) => {
    const button = target.closest(".md-header__option > button");
    if (!button) return;
    const next = button.nextElementSibling ?? button.parentElement.firstElementChild;
    chosen = next.dataset.media;
    __md_set("__palette", { color: { media: chosen } });
    show();
    next.focus();
  });
}

// Material's script asks for the search index at once; let it come when somebody searches.
{
  const { open, send } = XMLHttpRequest.prototype;
  const query = new URLSearchParams(location.search);
  const searches =
    query.has("q") || query.has("h")
      ? Promise.resolve()
      : new Promise((resolve) => addEventListener("focusin", ({ target }) => target.closest(".md-search") && resolve()));
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    this.waits = `${address}`.endsWith("/search_index.json");
    return open.call(this, method, address, ...rest);
  };
  XMLHttpRequest.prototype.send = function (...body) {
    return this.waits ? void searches.then(() => send.apply(this, body)) : send.apply(this, body);
  };
}

// What is typed are words, and whole words count most. Material's script would take every one of them
// for a beginning ("a" for "activation"), and signs for commands; of a row of 汉字 it would lose the end
// unless one follows that no page has.
{
  const { postMessage } = Worker.prototype;
  const words = (typed) => {
    const all = typed.replace(/[:*^~+\-"]+/g, " ").split(/\s+/).filter(Boolean);
    const last = /\S$/.test(typed) ? all.length - 1 : -1; // still being typed: a beginning, too
    return all
      .map((word, n) => [word, n === last && !/^\d/.test(word)])
      .map(([word, begins]) => `${begins ? word : ""} ${word.replace(/\p{sc=Han}+/gu, "$&〇")}^9`)
      .join(" ");
  };
  Worker.prototype.postMessage = function (message, ...rest) {
    const isQuery = message.type === 2;
    return postMessage.call(this, isQuery ? { ...message, data: words(message.data) } : message, ...rest);
  };
}
