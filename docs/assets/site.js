// Small comforts. The site reads without them.

// What is wider than its box can be scrolled by keyboard; what is not is no stop on the way.
const boxes = ".formula, .fig-wide, .md-typeset__scrollwrap, .md-typeset pre > code";
const mark = (box) => (box.scrollWidth > box.clientWidth ? (box.tabIndex = 0) : box.removeAttribute("tabindex"));
const observer = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
document.querySelectorAll(boxes).forEach((box) => observer.observe(box));

// So can a formula in a line of text that is wider than the line.
const formulas = [...document.querySelectorAll(":is(p, li, dd, td, summary) > math")];
const fit = () => {
  formulas.forEach((formula) => formula.classList.remove("wide"));
  const wide = formulas.filter((formula) => formula.getBoundingClientRect().width > formula.parentElement.clientWidth);
  wide.forEach((formula) => formula.classList.add("wide"));
};
document.fonts.ready.then(fit);
window.addEventListener("resize", fit);

// Labels that open the contents and the search answer to Enter and to the space bar, as buttons do.
document.querySelectorAll("label[role=button]").forEach((label) =>
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    label.click();
  }),
);

// Headings have the same ids in both languages, so the other language opens at the same place.
document.querySelectorAll("a.twin").forEach((link) =>
  link.addEventListener("click", () => (link.hash = location.hash)),
);
