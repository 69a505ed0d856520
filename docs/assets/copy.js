// A second copy button on every block: its code with all that it needs, for one paste into a fresh Python.
addEventListener("load", () => {
  const isChinese = document.documentElement.lang.startsWith("zh");
  const name = isChinese ? "连同它需要的前文一起复制" : "Copy with all it needs";
  const purpose = isChinese ? "故意出错，页上有报错" : "fails on purpose, as the page shows";
  const blocks = [...document.querySelectorAll(".highlight[data-session]")];
  const code = (block) => block.querySelector("pre > code").textContent.trimEnd();
  // Between a block and its output stands where the output comes from.
  const output = (block) => {
    const next = block.nextElementSibling;
    return next?.matches(".origin") ? next.nextElementSibling : null;
  };
  const raised = (block) => output(block)?.dataset.raises;

  // What fails on purpose must not end the paste. `downloads.caught` does the same for scripts.
  const caught = (block) => {
    const kind = raised(block);
    const printed = output(block).querySelector("pre > code").textContent;
    const qualified = printed.match(new RegExp(`^([\\w.]+)\\.${kind}(?=:|$)`, "m"));
    const imported = qualified ? `from ${qualified[1]} import ${kind}\n\n` : "";
    const body = code(block).replace(/^(?=.*\S)/gm, "    ");
    return `${imported}try:  # ${purpose}\n${body}\nexcept ${kind}:\n    pass`;
  };

  const needs = (block) => {
    const session = blocks.filter((other) => other.dataset.session === block.dataset.session);
    const before = session.slice(0, session.indexOf(block));
    return [...before.map((other) => (raised(other) ? caught(other) : code(other))), code(block)].join("\n\n");
  };

  for (const block of blocks) {
    const button = document.createElement("button");
    button.className = "md-code__button";
    button.dataset.mdType = "session";
    button.title = name;
    button.setAttribute("aria-label", name);
    // Material's script copies what it finds here, and says so.
    button.addEventListener("click", () => (button.dataset.clipboardText = needs(block)));
    // That script makes its own button when the block comes into view.
    const join = () => block.querySelector(".md-code__nav")?.append(button);
    const observer = new MutationObserver(() => (join(), button.isConnected && observer.disconnect()));
    observer.observe(block, { childList: true, subtree: true });
    join();
  }
});
