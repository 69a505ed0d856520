// Explorables: the controls choose one of the stored runs, and the drawing shows it. What is drawn
// comes from the table that the build made (docs/_build/draw/explorables.py); nothing is computed here.
(() => {
  const done = document.documentElement.lang.startsWith("zh") ? "已复制" : "Copied";

  const place = ([low, high, from, to, log], value) => {
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return +Math.max(-9999, Math.min(9999, from + share * (to - from))).toFixed(2);
  };

  const shapes = {
    line({ x, y, xs, ys, marks }, groups, of) {
      const [across, up] = [of(x), of(y)];
      const lengths = [across, up].filter(Array.isArray).map((list) => list.length);
      const at = (list, n) => (Array.isArray(list) ? list[n] : list);
      const points = Array.from({ length: lengths.length ? Math.min(...lengths) : 1 }, (_, n) => [
        place(xs, at(across, n)),
        place(ys, at(up, n)),
      ]);
      groups[0].querySelector(":scope > path")?.setAttribute("d", "M" + points.join("L"));
      const box = groups[0].querySelector(":scope > g");
      box?.replaceChildren(
        ...(marks < 0 ? points.slice(-1) : points).map(([cx, cy]) => {
          const mark = box.firstElementChild.cloneNode();
          mark.setAttribute("x", cx);
          mark.setAttribute("y", cy);
          return mark;
        }),
      );
    },
    bars({ x, y, xs, ys, base }, groups, of) {
      const foot = place(ys, base);
      groups.forEach((group, n) => {
        const [left, right] = x[n].map((edge) => place(xs, edge));
        group.firstElementChild.setAttribute("d", `M${left} ${foot}H${right}V${place(ys, of(y)[n])}H${left}z`);
      });
    },
    field({ y, grid: [rows, columns, left, right, low, high], xs, ys }, groups, of) {
      const column = (n) => place(xs, left + (n / columns) * (right - left));
      const row = (n) => place(ys, high + (n / rows) * (low - high));
      groups.forEach((group, level) => {
        const areas = of(y).flatMap((cells, n) =>
          [...cells.matchAll(`${level}+`)].map(
            ({ index, 0: { length } }) => `M${column(index)} ${row(n)}H${column(index + length)}V${row(n + 1)}H${column(index)}z`,
          ),
        );
        group.firstElementChild.setAttribute("d", areas.join("") || "M0 0");
      });
    },
  };

  const start = (figure, { call, knobs, parts, runs, said, alts }) => {
    const name = figure.id.slice("explore-".length);
    const controls = Object.entries(knobs).map(([knob, all]) => ({
      knob,
      ...all,
      inputs: [...figure.querySelectorAll(`[name="${name}.${knob}"]`)],
    }));
    const chosen = ({ inputs }) => (inputs[1] ? inputs.findIndex((input) => input.checked) : +inputs[0].value);
    const choose = ({ inputs }, at) => (inputs[1] ? (inputs[at].checked = true) : (inputs[0].value = at));
    const drawings = [...figure.querySelectorAll("svg[role=img]")];
    const groups = parts.map(({ id, panel }) => [...drawings[panel].querySelectorAll(`[data-follows="${id}"]`)]);

    const show = () => {
      let at = 0;
      const values = {};
      for (const control of controls) {
        const n = chosen(control);
        at = at * control.values.length + n;
        values[control.knob] = control.values[n];
        if (control.inputs[1]) continue;
        control.inputs[0].setAttribute("aria-valuetext", control.text[n]);
        control.inputs[0].parentElement.querySelector("output").textContent = control.text[n];
      }
      Object.assign(values, runs[at]);
      const of = (source) => (typeof source === "string" ? values[source] : source);
      parts.forEach((part, n) => shapes[part.kind](part, groups[n], of));
      drawings.forEach((drawing, n) => drawing.setAttribute("aria-label", alts[n] + said[at]));
      const sentence = figure.querySelector(".explorable-said");
      if (sentence.textContent !== said[at]) sentence.textContent = said[at];
    };

    // The address holds the position: #explore-name?knob=value&knob=value
    const plain = (code) => code.replaceAll("'", "");
    const address = () =>
      `#${figure.id}?${new URLSearchParams(controls.map((control) => [control.knob, plain(control.code[chosen(control)])]))}`;
    const follow = () => {
      const [id, query] = location.hash.split("?");
      if (id !== `#${figure.id}`) return;
      for (const [knob, value] of new URLSearchParams(query)) {
        const control = controls.find((each) => each.knob === knob);
        const at = control ? control.code.map(plain).indexOf(value) : -1;
        if (at >= 0) choose(control, at);
      }
      show();
    };
    let later;
    figure.addEventListener("input", () => {
      show();
      clearTimeout(later); // browsers refuse many changes of the address in a row
      later = setTimeout(() => history.replaceState(history.state, "", address()), 250);
    });
    addEventListener("hashchange", follow);

    const code = () => {
      const shown = document.querySelectorAll(`[data-session="${name}"]:not([data-snippet$=":sweep"]) pre > code`);
      const position = controls.map((control) => `${control.knob}=${control.code[chosen(control)]}`).join(", ");
      return [...shown].map((block) => block.textContent.trimEnd()).join("\n\n\n")
        + `\n\n\nfor name, values in ${call}(${position}).items():\n    print(name, values)\n`;
    };
    const link = () => location.href.split("#")[0] + address();
    [code, link].forEach((text, n) => {
      const button = figure.querySelectorAll(".explorable-actions button")[n];
      const label = button.textContent;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text());
        button.textContent = done;
        setTimeout(() => (button.textContent = label), 1500);
      });
    });
    figure.querySelectorAll("fieldset").forEach((box) => (box.disabled = false));
    show();
    follow();
  };

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      const script = document.createElement("script");
      script.src = target.dataset.source;
      script.onload = () => start(target, script.data);
      document.head.append(script);
    }
  });
  document.querySelectorAll(".explorable").forEach((figure) => observer.observe(figure));
  const linked = location.hash.includes("?") && document.getElementById(location.hash.slice(1).split("?")[0]);
  if (linked) linked.scrollIntoView();
})();
