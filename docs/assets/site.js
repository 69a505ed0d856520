// Small comforts. The site reads without them.

addEventListener("load", () => {
  const all = (selector) => [...document.querySelectorAll(selector)];

  // What is wider than its box can be scrolled by keyboard; what is not is no stop on the way.
  const observer = new ResizeObserver((entries) => {
    const wide = entries.map(({ target }) => target.scrollWidth > target.clientWidth); // look at all, then change
    entries.forEach(({ target }, n) => (wide[n] ? (target.tabIndex = 0) : target.removeAttribute("tabindex")));
  });
  all(".formula, .fig-wide > .fig-drawing, .fig-values, .md-typeset__scrollwrap, .md-typeset pre > code").forEach((box) => observer.observe(box));

  // So can a formula in a line of text that is wider than the line.
  const formulas = all(":is(p, li, dd, td, summary) > math");
  const fit = () => {
    formulas.forEach((formula) => (formula.classList.remove("wide"), formula.removeAttribute("tabindex")));
    const wide = formulas.filter((formula) => formula.getBoundingClientRect().width > formula.parentElement.clientWidth);
    wide.forEach((formula) => (formula.classList.add("wide"), (formula.tabIndex = 0)));
  };
  document.fonts.ready.then(fit);
  addEventListener("resize", fit);

  // What opens the contents and the search answers to Enter and to the space bar, as buttons do.
  all("label > [role=button]").forEach((button) =>
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      button.click();
    }),
  );

  // A copy button is no landmark of the page.
  all(".md-code__nav").forEach((box) => box.setAttribute("role", "none"));

  // An address that names a tab opens it.
  const named = document.getElementById(location.hash.slice(1));
  if (named?.name?.startsWith("__tabbed_")) named.checked = true;

  // Headings have the same ids in both languages, so the other language opens at the same place.
  all("a.twin").forEach((link) => link.addEventListener("click", () => (link.hash = location.hash)));
});
