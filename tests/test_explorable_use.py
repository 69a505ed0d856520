"""Explorables as authors write them: what is drawn, and what a mistake is told."""

import json
import math
import re

import pytest
from draw import Drawing
from write import figure


def run(rate):
    return {"loss": [1.0, rate], "last": rate, "grid": ["01", "10"]}


TABLE = {rate: run(rate) for rate in (0.1, 0.5, 2.0)}
USE = {
    "start": 0.5,
    "knobs": {"rate": "Rate"},
    "panels": ["The loss."],
    "say": lambda rate, out: f"Rate {rate:g}: {out['last']:g}.",
    "columns": {"last": "last loss"},
}


def draw(
    name="thing", run=run, table=TABLE, plot=None, gid="loss", limits=True, **changes
) -> tuple[dict, str]:
    """An explorable as it comes to the build, and as HTML."""
    drawing = Drawing("en")
    try:
        with drawing.explorable(name, run, table, **USE | changes) as ax:
            if plot:
                plot(ax)
            else:
                ax.plot(TABLE[0.5]["loss"], gid=gid)
            if limits:
                ax.set(xlim=(0, 1), ylim=(0.05, 2))
    except ValueError:
        assert not drawing.made
        raise
    (made,) = json.loads(json.dumps(drawing.made))
    return made, figure.html(made, "Turn it", "en", "../../")


def test_it_has_controls_a_still_picture_its_sentence_and_all_positions():
    made, html = draw(marks={"rate": {2.0: "limit"}})
    data = json.loads(made["data"])
    assert data["runs"] == list(TABLE.values())
    assert data["said"] == ["Rate 0.1: 0.1.", "Rate 0.5: 0.5.", "Rate 2: 2."]
    assert data["knobs"]["rate"] == {
        "values": [0.1, 0.5, 2.0],
        "code": ["0.1", "0.5", "2.0"],
        "text": ["0.1", "0.5", "2 (limit)"],
    }
    assert 'type="range" name="thing.rate" min="0" max="2" value="1"' in html
    assert '<svg x="100.00%"><path d="M0 0V5"/><text y="1.5em">limit</text>' in html
    assert 'aria-label="The loss. Rate 0.5: 0.5."' in html
    assert ">Turn it</p>" in html and 'aria-atomic="true">Rate 0.5: 0.5.</p>' in html
    assert 'data-follows="loss"' in html and "style=" not in html
    assert html.count("<tr>") == 1 + len(TABLE)
    assert html.endswith("</details></figure>")


def test_its_runs_are_a_file_whose_name_tells_their_content():
    made, html = draw()
    ((path, text),) = figure.assets(made).items()
    assert re.fullmatch(r"assets/explorables/thing-[0-9a-f]{8}\.js", path)
    assert (
        f'id="explore-thing" aria-labelledby="explore-thing-title" data-source="../../{path}"'
        in html
    )
    assert text == f"document.currentScript.data={made['data']}\n"
    other, _ = draw(say=lambda rate, out: f"At {rate:g}.")
    assert figure.assets(other).keys() != {path}
    assert figure.assets(made["panels"][0]) == {}
    ((said, svg),) = figure.alone(made, "Turn it")
    assert said == "The loss. Rate 0.5: 0.5." and svg.startswith("<svg ")


def test_panels_stand_in_their_order_and_chinese_sentences_follow_without_a_blank():
    drawing = Drawing("zh")
    use = USE | {"panels": ["左图。 | Left.", "右图。 | Right."], "height": 2.0}
    use["say"] = lambda rate, out: (
        f"学习率 {rate:g}。 | Rate {rate:g}.",
        "完。 | End.",
    )
    with drawing.explorable("two", run, TABLE, **use) as axs:
        for ax in axs:
            ax.plot(TABLE[0.5]["loss"], gid="loss")
            ax.set(xlim=(0, 1), ylim=(0, 2))
    (made,) = drawing.made
    left, right = made["panels"]
    assert (left["alt"], right["alt"]) == (
        "左图。学习率 0.5。完。",
        "右图。学习率 0.5。完。",
    )
    assert left["view"][3] == right["view"][3] == 2 * 72
    assert [part["panel"] for part in json.loads(made["data"])["parts"]] == [0, 1]
    html = figure.html(made, "题目", "zh", "../")
    assert "所有位置的数据表" in html and "复制这次运行" in html


def test_what_is_not_a_number_becomes_a_choice_with_its_name():
    def choose(kind):
        return {"loss": [1.0, 0.5], "last": 1.0}

    _, html = draw(
        run=choose,
        table={kind: choose(kind) for kind in ("relu", "tanh")},
        start="tanh",
        knobs={"kind": "Kind"},
        names={"relu": "ReLU"},
        say=lambda kind, out: kind,
    )
    assert html.count('type="radio"') == 2 and "<span>ReLU</span>" in html
    assert re.search(r'value="1"[^>]* checked><span>tanh', html)


def test_a_field_draws_each_class_once_and_upright():
    rows = TABLE[0.5]["grid"]

    def plot(ax):
        Drawing.field(
            ax,
            rows,
            gid="grid",
            x=(0, 2),
            y=(0, 2),
            colours=[("C0", 0.2), ("C1", 0.2), ("C2", 0.2)],
        )
        ax.set(xlim=(0, 2), ylim=(0, 2))

    _, html = draw(plot=plot, limits=False)
    groups = re.findall(r'data-follows="grid"><path d="([^"]*)"', html)
    assert len(groups) == 3, "a class that does not occur has its path, too"
    ys = [float(y) for y in re.findall(r"M ?[\d.]+ ([\d.]+)", groups[0])[1:]]
    xs = [float(x) for x in re.findall(r"M ?([\d.]+)", groups[0])[1:]]
    assert ys[0] < ys[1] and xs[0] < xs[1], "class 0 is at the upper left"


def bars(ax):
    ax.fill_between([0, 1], [0, 1], gid="loss")


MISTAKES = {
    "a name is in lower case": {"name": "Big Thing"},
    r"its knobs are \['speed'\], but run\(\) takes \['rate'\]": {
        "knobs": {"speed": "S"}
    },
    "the table has no position": {"start": 0.7},
    "does not have one value for each": {
        "table": {(0.5, 1): run(0.5)},
        "start": (0.5, 1),
    },
    "the run at 0.1|other names": {"table": TABLE | {0.1: {"loss": [1.0]}}},
    "'last' at .* is not finite: end the run": {
        "table": TABLE | {0.1: run(0.1) | {"last": math.inf}}
    },
    "column 'loss' is not a single value": {"columns": {"loss": "L"}},
    "nothing in panel 1 has a gid": {"plot": lambda ax: ax.plot([0, 1])},
    r"gid 'lose': the run has no 'lose' \(it has: rate, loss": {"gid": "lose"},
    "what is drawn is not the run at the start": {
        "plot": lambda ax: ax.plot([1.0, 0.7], gid="loss")
    },
    "panel 1: set xlim": {"limits": False},
    "change lines .*ax.bar or draw.field only": {"plot": bars},
    "is not above 0, and its axis is log": {
        "table": TABLE | {0.1: run(0.1) | {"loss": [1.0, 0.0]}},
        "plot": lambda ax: (ax.set_yscale("log"), ax.plot([1.0, 0.5], gid="loss")),
    },
    "neither linear nor log": {
        "plot": lambda ax: (ax.set_yscale("symlog"), ax.plot([1.0, 0.5], gid="loss"))
    },
    "mark 'limit': knob 'rate' has no value 3": {"marks": {"rate": {3: "limit"}}},
    "KiB compressed, more than 60: round to fewer": {
        "table": TABLE
        | {0.1: run(0.1) | {"loss": [math.sin(n**2) + 2 for n in range(20_000)]}}
    },
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_gets_one_clear_message(message):
    with pytest.raises(ValueError, match=rf"explorable '.*': .*(?:{message})"):
        draw(**MISTAKES[message])


def test_a_table_must_have_every_combination():
    def both(rate, beta):
        return run(rate)

    table = {(r, b): run(r) for r in (0.1, 0.5) for b in (0, 1) if (r, b) != (0.1, 1)}
    with pytest.raises(ValueError, match=r"the table lacks position \(0.1, 1\)"):
        draw(run=both, table=table, start=(0.5, 0), knobs={"rate": "R", "beta": "B"})


PAGE = """# Page {{ #page }}

```python exec="on" source="above" result="text" session="thing"
--8<-- "page.py:{region}"
```

![T](figure:thing)
"""
FIGURE = """\
from draw import Drawing


def thing(draw: Drawing, run):
    with draw.explorable(
        "thing", run, {1: run(1), 2: run(2)}, start=1, knobs={"rate": "R"},
        panels=["A."], say=lambda rate, out: f"Rate {rate}.", columns={},
    ) as ax:
        ax.plot(run(1)["loss"], gid="loss")
        ax.set(xlim=(0, 1), ylim=(0, 2))
"""
SNIPPET = """\
# --8<-- [start:run]
def run(rate: int) -> dict:
    return {"loss": [1, rate]}
# --8<-- [end:run]
# --8<-- [start:more]
def run(rate: int) -> dict:
    return {"loss": [1, rate]}
# --8<-- [end:more]
"""


def test_the_runs_become_a_file_also_where_all_results_are_stored(project):
    project.write("snippets/page.py", SNIPPET)
    project.write("docs/figures/page.py", FIGURE)
    project.page("page.md", PAGE.format(region="run"))
    found = []
    for _ in range(2):
        done = project.build()
        assert done.returncode == 0, done.stderr
        assert '<script type="application/json">' not in project.html(
            "en/page/index.html"
        )
        (source,) = re.findall(
            r'data-source="(.*?)"', project.html("en/page/index.html")
        )
        found.append((project.root / "site/en/page" / source).read_text("utf-8"))
        assert "explorables.js" in project.html("en/page/index.html")
        assert "explorables.js" not in project.html("en/index.html")
    assert found[0] == found[1] and found[0].startswith("document.currentScript.data={")
    project.page("page.md", PAGE.format(region="more"))
    done = project.build()
    assert done.returncode != 0
    assert (
        "docs/zh/page.md:11: explorable 'thing': the page does not show its code"
        in done.stderr
    )
