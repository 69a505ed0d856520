// Small comforts. The site reads without them.

addEventListener("load", () => {
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Formulas have a font of their own, which comes when the text is seen. It is a rule of the style
  // sheet: a font added from here would have every other text laid out again.
  const root = document.documentElement;
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const isDrawn = document.querySelector("math")
    ? frame().then(() => document.fonts.load("1em Formulas")).then(() => root.classList.add("with-formulas"))
    : Promise.resolve();

  // What is larger than its box can be scrolled by keyboard; what is not is no stop on the way.
  // What is not laid out yet may be either: a stop until it is seen.
  const isLarge = (box) =>
    box.scrollWidth > box.clientWidth ||
    (box.matches(".fig-values") && box.scrollHeight > box.clientHeight) ||
    !box.checkVisibility({ contentVisibilityAuto: true });
  const boxes = ".formula, .fig-wide > .fig-drawing, .fig-values, .md-typeset__scrollwrap, .md-typeset pre > code";
  const observer = new ResizeObserver((entries) => {
    const changed = entries.map(({ target }) => target.closest(boxes));
    const large = changed.map(isLarge); // look at all, then change
    changed.forEach((box, n) => (large[n] ? (box.tabIndex = 0) : box.removeAttribute("tabindex")));
  });
  all(boxes).forEach((box) => {
    box.tabIndex = 0;
    observer.observe(box);
  });
  all(".md-typeset__scrollwrap table").forEach((table) => observer.observe(table)); // wider with its fonts

  // So can a formula in a line of text that is wider than the line: seen to when it is laid out.
  const formulas = all(":is(p, li, dd, td, summary) > math");
  const laidOut = new IntersectionObserver(
    (entries) => {
      const wide = entries
        .filter(({ isIntersecting }) => isIntersecting)
        .filter(({ boundingClientRect: box, target }) => box.width > target.parentElement.clientWidth);
      wide.forEach(({ target }) => (target.classList.add("wide"), (target.tabIndex = 0)));
    },
    { rootMargin: "1000000px" }, // near or far
  );
  const fit = () =>
    formulas.forEach((formula) => {
      laidOut.unobserve(formula);
      formula.classList.remove("wide");
      formula.removeAttribute("tabindex");
      laidOut.observe(formula);
    });
  isDrawn.finally(fit);
  addEventListener("resize", fit);

  // Each formula on its own can be copied as TeX, which its MathML carries.
  const [copy, done] = root.lang.startsWith("zh") ? ["复制 TeX", "已复制"] : ["Copy TeX", "Copied"];
  all(".formula-box").forEach((box) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "formula-copy", textContent: copy });
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector("annotation").textContent);
      button.textContent = done;
      setTimeout(() => (button.textContent = copy), 2000);
    });
    if (navigator.clipboard) box.append(button); // not over plain http
  });

  // What opens the contents and the search answers to Enter and to the space bar, as buttons do.
  all("label > [role=button]").forEach((button) =>
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      button.click();
    }),
  );

  // A copy button is no landmark of the page.
  const plain = () => all(".md-code__nav:not([role])").forEach((box) => box.setAttribute("role", "none"));
  plain();
  new MutationObserver(plain).observe(document.body, { childList: true, subtree: true }); // others come into view later

  // An address that names a tab opens it.
  const named = document.getElementById(location.hash.slice(1));
  if (named?.name?.startsWith("__tabbed_")) named.checked = true;
});

// In copied text, formulas are TeX: MathML's own text would be letters without structure.
addEventListener("copy", (event) => {
  const selection = getSelection();
  if (!selection.rangeCount || /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName)) return;
  const range = selection.getRangeAt(0).cloneRange();
  const around = (node) => (node.closest ? node : node.parentElement)?.closest("math");
  const [first, last] = [around(range.startContainer), around(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const box = document.createElement("div");
  box.className = "copied";
  box.append(range.cloneContents());
  if (!box.querySelector("math")) return;
  event.clipboardData.setData("text/html", box.innerHTML);
  box.querySelectorAll(".formula-copy").forEach((button) => button.remove());
  box.querySelectorAll("math").forEach((math) => {
    const mark = math.getAttribute("display") === "block" ? "$$" : "$";
    math.replaceWith(mark + math.querySelector("annotation").textContent + mark);
  });
  document.body.append(box); // only what is laid out knows where its lines end
  event.clipboardData.setData("text/plain", box.innerText);
  box.remove();
  event.preventDefault();
});
