// Explorables: the controls choose one of the stored runs, and the drawing shows it. What is drawn
// comes from the table that the build made (docs/_build/draw/explorables.py); nothing is computed here.
(() => {
  const [done, stop, drop] = document.documentElement.lang.startsWith("zh")
    ? ["已复制", "停下", "去掉对照："]
    : ["Copied", "Stop", "Remove: "];

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
      // It is read out when the reader pauses, not at each position on the way.
      sentence.setAttribute("aria-busy", "true");
      clearTimeout(pause);
      pause = setTimeout(() => sentence.setAttribute("aria-busy", "false"), 500);
      for (const grip of grips) grip.follow(of);
    };
    let pause;

    // A point that a slider moves can be taken hold of in the drawing.
    const grips = parts.flatMap(({ x, y, xs, ys, panel }) => {
      const follows = (source) => controls.find(({ knob, inputs }) => knob === source && !inputs[1]);
      const control = follows(x) ?? follows(y);
      if (!control) return [];
      const drawing = drawings[panel];
      const [axis, scale] = control === follows(x) ? ["x", xs] : ["y", ys];
      const places = control.values.map((value) => place(scale, value));
      const grip = document.createElementNS(drawing.namespaceURI, "circle");
      grip.setAttribute("class", `grip grip-${axis}`);
      grip.setAttribute("r", 11);
      const move = (event) => {
        if (!grip.hasPointerCapture(event.pointerId)) return;
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
        const away = places.map((each) => Math.abs(each - point[axis]));
        choose(control, away.indexOf(Math.min(...away)));
        control.inputs[0].dispatchEvent(new Event("input", { bubbles: true }));
      };
      grip.addEventListener("pointerdown", (event) => {
        halt();
        grip.setPointerCapture(event.pointerId);
      });
      grip.addEventListener("pointermove", move);
      drawing.append(grip);
      const first = (found) => (Array.isArray(found) ? found[0] : found);
      grip.follow = (of) => {
        grip.setAttribute("cx", place(xs, first(of(x))));
        grip.setAttribute("cy", place(ys, first(of(y))));
      };
      return [grip];
    });

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
      const shown = [...document.querySelectorAll(`[data-session="${name}"][data-snippet]`)];
      const sweep = shown.findIndex((block) => block.dataset.snippet.endsWith(":sweep"));
      const position = controls.map((control) => `${control.knob}=${control.code[chosen(control)]}`).join(", ");
      const before = shown.slice(0, sweep).map((block) => block.querySelector("pre > code"));
      return before.map((block) => block.textContent.trimEnd()).join("\n\n\n")
        + `\n\n\nfor name, values in ${call}(${position}).items():\n    print(name, values)\n`;
    };
    const link = () => location.href.split("#")[0] + address();
    const [play, reset, keep, ...copies] = figure.querySelectorAll(".explorable-actions button");
    [code, link].forEach((text, n) => {
      const button = copies[n];
      const label = button.textContent;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text());
        button.textContent = done;
        setTimeout(() => (button.textContent = label), 1500);
      });
    });
    // Play goes through the slider that was turned last, from its start if it is at the end.
    const [playing, keeping] = [play.textContent, keep.textContent];
    const sliders = controls.filter(({ inputs }) => !inputs[1]);
    let [turned, timer] = sliders;
    const halt = () => {
      clearInterval(timer);
      timer = undefined;
      play.textContent = playing;
    };
    const changed = () => figure.dispatchEvent(new Event("input"));
    const step = () => {
      const next = chosen(turned) + 1;
      if (next >= turned.values.length) return halt();
      choose(turned, next);
      changed();
    };
    play.hidden = !turned;
    play.addEventListener("click", () => {
      if (timer) return halt();
      if (chosen(turned) === turned.values.length - 1) choose(turned, 0), changed();
      play.textContent = stop;
      timer = setInterval(step, Math.max(80, 5000 / turned.values.length));
    });
    figure.addEventListener("input", ({ isTrusted, target }) => {
      if (isTrusted) halt();
      turned = sliders.find(({ inputs }) => inputs[0] === target) ?? turned;
    });
    reset.addEventListener("click", () => {
      halt();
      for (const input of controls.flatMap(({ inputs }) => inputs))
        input.type === "radio" ? (input.checked = input.defaultChecked) : (input.value = input.defaultValue);
      changed();
    });

    // What is kept stays in the drawing, pale, below the run that is chosen next.
    const lines = groups.filter((_, n) => parts[n].kind === "line").flat();
    keep.hidden = !lines.length;
    keep.addEventListener("click", () => {
      const pale = figure.querySelectorAll(".kept");
      pale.forEach((each) => each.remove());
      keep.textContent = keeping;
      if (pale.length) return;
      for (const line of lines) {
        const copy = line.cloneNode(true);
        copy.removeAttribute("data-follows");
        copy.classList.add("kept");
        line.before(copy);
      }
      keep.textContent = drop + controls.map((control) => control.text[chosen(control)]).join(" · ");
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
})();
