// The times of runs as a table: of the page, and first of the block, that the address names
// (?docs/en/basics/autograd.md:110).
(async () => {
  const [page, line] = decodeURIComponent(location.search.slice(1)).split(":");
  const isChinese = !page.includes("/en/");
  document.documentElement.lang = isChinese ? "zh" : "en";
  document.title = document.querySelector(`section[lang=${document.documentElement.lang}] h1`).textContent;
  const heads = isChinese ? ["页面", "行", "会话", "跑于", "秒"] : ["Page", "Line", "Session", "Ran at", "Seconds"];
  const { results } = await (await fetch("provenance.json")).json(); // not from disk: the link above stays
  const table = document.querySelector("table");
  const add = (cells, kind) => {
    const row = table.insertRow();
    cells.forEach((words) => row.append(Object.assign(document.createElement(kind), { textContent: words })));
    return row;
  };
  add(heads, "th");
  const when = (at) => at && new Date(at).toLocaleString(document.documentElement.lang);
  let named;
  for (const { page: of, line: at, session, at: ran, seconds } of results) {
    if (page && of !== page) continue;
    const row = add([of, at, session, when(ran), seconds], "td");
    if (`${at}` === line) named = row;
  }
  table.hidden = false;
  named?.classList.add("named");
  named?.scrollIntoView({ block: "center" });
})();
