// The reader's way about the site: which section is being read, where one left off, what is read.
// What it remembers stays in this browser, and one button forgets it. The site reads without it.
(() => {
  const root = document.documentElement;
  const isChinese = root.lang.startsWith("zh");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const inSight = (box) => box.bottom > 0 && box.top < innerHeight;

  // A page's name is the same in both languages, and in the copy on disk.
  const nameOf = ({ pathname }) =>
    pathname.slice(__md_scope.pathname.length).replace(/^en\//, "").replace(/index\.html$/, "");
  const page = nameOf(location);
  const isChapter = /^(?!reference\/)[^/]+\/[^/]/.test(page);

  const recall = () => {
    const nothing = { last: null, at: {}, seen: {}, read: [] };
    try {
      return { ...nothing, ...__md_get("way") };
    } catch {
      return nothing; // storage is forbidden
    }
  };
  const remember = (change) => {
    const memory = recall(); // another tab may have added to it
    change(memory);
    __md_set("way", memory);
    show(memory);
  };

  // ---- which section is being read: the contents, the header and the other language know ----

  const contents = document.getElementById("contents");
  const links = all(".md-nav--secondary a[href^='#']");
  const listed = new Set(links.map(({ hash }) => decodeURIComponent(hash.slice(1))));
  const sections = all(".md-content__inner :is(h2, h3, h4, h5)[id]").filter(({ id }) => !listed.size || listed.has(id));
  const header = document.querySelector(".md-header");
  const far = document.querySelector(".far");
  const asked = () => decodeURIComponent(location.hash.slice(1).split("?")[0]);
  let at = -1;

  const look = () => {
    const boxes = sections.map((section) => section.getBoundingClientRect());
    const line = header.offsetHeight + 28; // a little below where links land
    let now = boxes.findLastIndex(({ top, height }) => height && top < line);
    const left = root.scrollHeight - innerHeight - scrollY;
    if (left < 2) { // the last sections cannot come up to the line
      const wanted = sections.findIndex(({ id }) => id === asked());
      if (wanted >= now && wanted >= 0 && inSight(boxes[wanted])) now = wanted;
      else if (scrollY > 0) now = sections.length - 1;
    }
    if (far) far.value = scrollY / Math.max(1, scrollY + left);
    if (now !== at) enter((at = now));
  };
  const enter = () => {
    const id = sections[at]?.id;
    const here = links.filter(({ hash }) => decodeURIComponent(hash.slice(1)) === id);
    for (const link of links) {
      link.classList.toggle("md-nav__link--active", here.includes(link));
      if (here.includes(link)) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
    const words = here[0]?.textContent.trim() ?? "";
    all(".here-section").forEach((box) => (box.textContent = words));
    const mark = contents && here.find((link) => contents.contains(link));
    if (mark) { // the contents follow; never the page
      const [box, own] = [contents.getBoundingClientRect(), mark.getBoundingClientRect()];
      if (own.top < box.top || own.bottom > box.bottom) contents.scrollTop += own.top - box.top - box.height / 3;
    }
    if (!id || !isChapter) return;
    remember((memory) => {
      memory.last = { page, id, words, lang: root.lang };
      memory.at[page] = id;
    });
  };
  let due = 0;
  const soon = () => (due ||= requestAnimationFrame(() => ((due = 0), look())));
  addEventListener("scroll", soon, { passive: true });
  addEventListener("hashchange", soon);
  new ResizeObserver(soon).observe(document.body);

  // ---- the other language opens at the same place ----

  const place = () => {
    const named = document.getElementById(asked());
    if (location.hash.includes("?") && named && inSight(named.getBoundingClientRect())) return location.hash;
    const open = all(".md-content__inner details[open][id]").filter((box) => inSight(box.getBoundingClientRect()));
    return open[0]?.id ?? sections[at]?.id ?? "";
  };
  for (const twin of all("a.twin"))
    for (const kind of ["pointerdown", "click"]) twin.addEventListener(kind, () => (twin.hash = place()));

  // What an address names is open, and so is what it stands in.
  const reveal = () => {
    const named = document.getElementById(asked());
    for (let box = named; box; box = box.parentElement) if (box.localName === "details") box.open = true;
    if (location.hash.includes("?")) named?.scrollIntoView(); // the browser knows no element of that name
  };
  addEventListener("hashchange", reveal);
  reveal();

  // ---- the contents as a popover ----

  contents?.addEventListener("click", ({ target }) => {
    if (target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
  });
  // One that is open does not stay above the text when there is room beside it.
  matchMedia("(min-width: 60em)").addEventListener("change", () => contents?.matches(":popover-open") && contents.hidePopover());

  // ---- what is read, and where one left off ----

  const forget = document.querySelector(".forget");
  const show = ({ read, seen, last }) => {
    for (const link of all(".md-nav--primary a, .chapters a"))
      link.classList.toggle("read", !link.hash && link.origin === location.origin && read.includes(nameOf(link)));
    if (forget) forget.hidden = !last && !read.length && !Object.keys(seen).length;
  };
  forget?.addEventListener("click", () => {
    localStorage.removeItem(`${__md_scope.pathname}.way`);
    all(".resume").forEach((link) => link.remove());
    show(recall());
  });

  // A chapter is read when each of its sections has been in sight, and its end.
  if (isChapter) {
    const parts = [...sections.filter(({ localName }) => localName === "h2"), document.querySelector(".md-footer")];
    const observer = new IntersectionObserver((entries) => {
      const came = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
      if (!came.length) return;
      came.forEach((part) => observer.unobserve(part));
      remember(({ seen, read }) => {
        seen[page] = [...new Set([...(seen[page] ?? []), ...came.map((part) => part.id || "end")])];
        if (!read.includes(page) && parts.every((part) => seen[page].includes(part.id || "end"))) read.push(page);
      });
    });
    parts.forEach((part) => observer.observe(part));
  }

  // A link back: from the home page to the latest chapter, in a chapter to its latest section.
  const { last, at: places } = recall();
  const back = (box, href, words) => {
    const link = Object.assign(document.createElement("a"), { href, textContent: words });
    link.className = `resume ${box.matches(".actions") ? "md-button" : ""}`;
    box.prepend(link, " ");
  };
  const [actions, quiet] = [".hero .actions", ".md-content__inner > .downloads"].map((box) => document.querySelector(box));
  const chapter = last && all(".md-nav--primary a").find((link) => !link.hash && nameOf(link) === last.page);
  if (actions && chapter) {
    const words = last.lang === root.lang && last.words ? `${chapter.textContent.trim()} · ${last.words}` : chapter.textContent.trim();
    back(actions, `${chapter.href}#${last.id}`, (isChinese ? "接着读：" : "Go on: ") + words);
  }
  const section = sections.find(({ id }) => id === places[page]);
  const title = section && links.find(({ hash }) => decodeURIComponent(hash.slice(1)) === section.id);
  if (quiet && title && !location.hash) back(quiet, title.hash, (isChinese ? "上次读到：" : "You were at: ") + title.textContent.trim());

  // ---- a report says which block, and at which section ----

  const report = document.querySelector("a.report");
  const about = (href, what) => {
    const address = new URL(href);
    address.searchParams.set("body", `${address.searchParams.get("body")}\n${what}\n`);
    return address.href;
  };
  const plain = report?.href;
  report?.addEventListener("pointerdown", () => (report.href = about(plain, `#${place().replace(/^#/, "")}`)));
  addEventListener("toggle", ({ target }) => {
    const words = report && target.matches?.(".origin[open]:not(:has(.report))") && target.querySelector("p");
    if (!words) return;
    const link = Object.assign(document.createElement("a"), { className: "report", textContent: report.textContent });
    link.href = about(plain, words.textContent);
    words.append(" · ", link);
  }, true);

  show(recall());
  look();
})();
