"""The runner: what a block prints and raises is what is kept, and sessions stay apart."""

import textwrap

import pytest
from run.runner import Session, run, sessions
from run.store import Store
from sources import ROOT, Block, Figure, Line, Page, Prose, values

PAGE = ROOT / "docs" / "zh" / "page.md"


def block(code: str, page=PAGE, line=1, **options) -> Block:
    options = {"session": "page", "source": "above"} | options
    lines = textwrap.dedent(code).strip().split("\n")
    numbered = [Line(text, page, line + n) for n, text in enumerate(lines, 1)]
    return Block(page, line, 1, options, numbered)


def arranged(**cells) -> list[Session]:
    """The sessions of a page in one language, or two, with these cells."""
    pages = {
        language: Page(ROOT / "docs" / language / "page.md", list(of))
        for language, of in cells.items()
    }
    return sessions(pages, Store())


def outcome(*blocks: Block) -> list[dict]:
    (session,) = arranged(zh=blocks)
    return [result for result, _ in run(session)]


def test_output_and_warnings_are_kept_in_the_order_of_a_terminal():
    (result,) = outcome(
        block("""
        import os, subprocess, sys, warnings
        print("one")
        warnings.warn("two")
        os.write(1, b"three\\n")
        subprocess.run(["echo", "four"])
        print("five", file=sys.stderr)
        """)
    )
    one, two, source, *rest = result["output"].splitlines()
    assert (one, two) == ("one", "<stdin>:3: UserWarning: two")
    assert 'warnings.warn("two")' in source
    assert rest == ["three", "four", "five"]
    assert result["error"] is None


def test_state_goes_from_block_to_block():
    results = outcome(block("a = 2"), block("a += 1"), block("print(a)"))
    assert results[-1]["output"] == "3\n"


def test_a_hidden_block_sees_the_session_and_cannot_change_it():
    results = outcome(
        block("import torch; torch.manual_seed(0); a = [1]"),
        block("a.append(torch.rand(1)); print(len(a))", source=""),
        block("print(len(a), torch.initial_seed()); first = torch.rand(1).item()"),
        block("torch.manual_seed(0); print(first == torch.rand(1).item())"),
    )
    assert [r["output"] for r in results] == ["", "2\n", "1 0\n", "True\n"]


def test_an_expected_traceback_is_what_a_terminal_shows():
    results = outcome(
        block("""
        def halve(n):
            return n / 0
        """),
        block("halve(1)", raises="ZeroDivisionError"),
        block("print('on')"),
    )
    assert results[1]["error"]["traceback"].splitlines() == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 1, in <module>',
        "    halve(1)",
        '  File "<stdin>", line 2, in halve',
        "    return n / 0",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert "failure" not in results[1]
    assert results[2]["output"] == "on\n"


def test_frames_of_installed_packages_carry_no_path_of_this_machine():
    code = "import torch\ntorch.nn.Linear(1, 1)(torch.ones(100))"
    (result,) = outcome(block(code, raises="RuntimeError"))
    text = result["error"]["traceback"]
    assert 'File ".../torch/nn/modules/linear.py"' in text
    assert str(ROOT) not in text and "site-packages" not in text


def test_a_stack_that_a_library_prints_begins_at_the_reader_and_has_no_colours():
    code = """
    import traceback
    def inner():
        traceback.print_stack()
    inner()
    print("\\x1b[31mred\\x1b[0m")
    """
    (result,) = outcome(block(code))
    assert result["output"].splitlines() == [
        '  File "<stdin>", line 4, in <module>',
        "    inner()",
        '  File "<stdin>", line 3, in inner',
        "    traceback.print_stack()",
        "red",
    ]


def test_a_chain_of_exceptions_and_a_syntax_error_show_no_frame_of_ours():
    chained = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e"
    first, second = outcome(
        block(chained, raises="ValueError"), block("1 +", raises="SyntaxError")
    )
    assert "direct cause" in first["error"]["traceback"]
    for result in (first, second):
        assert "session.py" not in result["error"]["traceback"]


@pytest.mark.parametrize(
    ("code", "options", "kind"),
    [
        ("x = 1\nraise ValueError('no')", {}, "raised"),
        ("x = 1\nwhile True: pass", {"timeout": "1"}, "hung"),
        ("x = 1\nimport time; time.sleep(60)", {"timeout": "1"}, "hung"),
        ("import os\nos._exit(3)", {}, "died"),
        ("import os\nos.kill(os.getpid(), 9)", {}, "died"),
        ("x = 1\nbytearray(1 << 45)", {}, "raised"),
        ("x = 1", {"raises": "ValueError"}, "missed"),
        ("raise KeyError('k')", {"raises": "ValueError"}, "raised"),
        ("print('x' * (5 << 20))", {}, "flooded"),
        ("x = 1\nraise SystemExit", {}, "raised"),
        ("x = 1\nraise KeyboardInterrupt", {}, "raised"),
    ],
)
@pytest.mark.parametrize("source", ["above", ""], ids=["shown", "hidden"])
def test_every_way_to_fail_has_its_name_and_ends_the_session(
    code, options, kind, source
):
    results = outcome(block(code, source=source, **options), block("print('after')"))
    assert results[0]["failure"] == kind
    if kind in ("raised", "hung") and code.startswith("x"):
        assert results[0]["where"] == "docs/zh/page.md:3"
    if source:
        assert results[1]["failure"] == "skipped"
    elif kind != "died":
        assert results[1]["output"] == "after\n"


def test_a_session_that_died_tells_its_exit_code():
    (result,) = outcome(block("import os\nos._exit(3)"))
    assert result["exit"] == 3


TROUBLE = {
    "forks": "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nelse: print('child')",
    "threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(30,)).start()",
    "files": "open('left', 'w').write('x')",
    "closed": "import sys\nprint('before', flush=True)\nsys.stdout.close()",
    "megabyte": "print('x' * (1 << 20))",
    "bytes": "import os\nos.write(1, b'\\xff\\xfe ok')",
    "directory": "import os\nos.chdir('/')",
    "dtype": "import torch\ntorch.set_default_dtype(torch.float64)",
    "patch": "import torch\ntorch.Tensor.sum = lambda self: 'patched'",
    "seed": "import torch, random\ntorch.manual_seed(9); random.seed(9)",
}
INNOCENT = """
import os, sys, threading, torch
print(os.listdir("."), threading.active_count(), torch.get_default_dtype())
print(torch.ones(2).sum(), torch.get_num_threads(), os.environ["PYTHONHASHSEED"])
"""


@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_session_knows_what_another_did(trouble):
    (expected,) = outcome(block(INNOCENT))
    (made,) = outcome(block(TROUBLE[trouble]))
    assert "failure" not in made, made
    (after,) = outcome(block(INNOCENT))
    assert after == expected
    assert after["output"] == "[] 1 torch.float32\ntensor(2.) 1 0\n"


def test_troublesome_output_is_kept():
    assert len(outcome(block(TROUBLE["megabyte"]))[0]["output"]) == (1 << 20) + 1
    assert outcome(block(TROUBLE["bytes"]))[0]["output"] == "\ufffd\ufffd ok"
    forked = outcome(block(TROUBLE["forks"]), block("print('once')"))
    assert [r["output"] for r in forked] == ["child\n", "once\n"]
    closed = outcome(block(TROUBLE["closed"]), block("print('again')"))
    assert [r["output"] for r in closed] == ["before\n", "again\n"]


def test_what_a_block_leaves_running_is_ended_with_its_session(tmp_path):
    marker = tmp_path / "alive"
    outcome(
        block(
            f"import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 2; touch {marker}'])"
        )
    )
    import time

    time.sleep(3)
    assert not marker.exists()


ZH, EN = PAGE, ROOT / "docs" / "en" / "page.md"


def test_two_languages_share_a_run_and_each_has_its_own_hidden_blocks():
    zh = [
        block("# zh: 一\n# en: one\na = 1", ZH),
        block("print('甲', a)", ZH, 9, source=""),
    ]
    en = [
        block("# zh: 一\n# en: one\na = 1", EN),
        block("print('A', a)", EN, 9, source=""),
    ]
    (shared,) = arranged(zh=zh, en=en)
    assert [len(cell.blocks) for cell in shared.tasks] == [2, 1, 1]
    assert [r["output"] for r, _ in run(shared)] == ["", "甲 1\n", "A 1\n"]


def test_languages_with_different_code_do_not_share():
    assert len(arranged(zh=[block("a = 1", ZH)], en=[block("a = 2", EN)])) == 2


def test_a_fresh_process_has_not_imported_torch():
    (result,) = outcome(
        block("import sys; print('torch' in sys.modules)", process="fresh")
    )
    assert result["output"] == "False\n"


def test_keys_follow_the_code_so_far_and_nothing_else():
    def keys(*codes):
        (session,) = arranged(zh=[block(code) for code in codes])
        return [cell.key for cell in session.tasks]

    base = keys("a = 1", "print(a)")
    assert keys("# why\na  =  1", "print(a)") == base
    assert keys("a = 2", "print(a)")[1] != base[1]
    assert keys("a = 1", "print( a )  # so") == base
    assert keys("def f():\n    'doc'", "f()") != keys("def f():\n    'Doc'", "f()")
    (hidden,) = arranged(zh=[block("a = 1"), block("b", source=""), block("print(a)")])
    assert hidden.tasks[2].key == base[1]


def test_an_empty_session_is_nothing():
    assert list(run(Session("empty", []))) == []


def prose(text: str, page=PAGE, line=5) -> Prose:
    cell = Prose(page, line, text, "page")
    cell.values = values(cell)
    return cell


def test_values_are_what_an_fstring_holds_and_cannot_change_the_session():
    text = 'a {{ a[0]:.2f }}, {{ a!r:>6 }}, {{ a.append(2) }}, {{ "x" if a else 1 }}, {{ 7:>{w} }}'
    (session,) = arranged(
        zh=[block("a = [1.0]; w = 3"), prose(text), block("print(a)")],
    )
    step, said, last = (result for result, _ in run(session))
    assert said["values"] == {
        "a[0]:.2f": ["1.00"],
        "a!r:>6": [" [1.0]"],
        "a.append(2)": ["None"],
        '"x" if a else 1': ["x"],
        "7:>{w}": ["  7"],
    }
    assert last["output"] == "[1.0]\n"


def test_a_value_that_cannot_be_said_tells_why_and_the_others_are_said():
    (session,) = arranged(zh=[block("a = 1"), prose("{{ b }} {{ a:.q }} {{ a }}")])
    _, said = (result for result, _ in run(session))
    assert said["failure"] == "value"
    assert said["values"]["b"] == ["", "NameError: name 'b' is not defined"]
    assert "ValueError" in said["values"]["a:.q"][1]
    assert said["values"]["a"] == ["1"]


def test_both_languages_share_the_values_that_they_say():
    zh = [block("a = 1", ZH), prose("{{ a }} {{ a + 1 }}", ZH)]
    en = [block("a = 1", EN), prose("{{ a + 1 }} {{ a }}", EN)]
    (shared,) = arranged(zh=zh, en=en)
    assert [len(task.values) for task in shared.tasks] == [0, 2]


FIGURE = """
def curve(draw, losses):
    with draw.axes(x="步 | step") as ax:
        ax.plot(losses)
    return {"last": losses[-1]}
"""


def figure(code: str, name: str, alt: str) -> Figure:
    path = ROOT / "docs/figures/page.py"
    lines = [Line(text, path, n) for n, text in enumerate(code.split("\n"), 1)]
    options = {"html": "on", "session": "page"}
    return Figure(PAGE, 5, 0, options, lines, name=name, alt=prose(alt))


def test_a_figure_gets_names_of_its_session_and_gives_values_to_its_words():
    (session,) = arranged(
        zh=[
            block("losses = [3, 1]"),
            figure(FIGURE, "curve", "{{ last }} {{ losses[0] }}"),
        ]
    )
    _, drawn = (result for result, _ in run(session))
    assert drawn["values"] == {"last": ["1"], "losses[0]": ["3"]}
    assert "步" in drawn["made"][0]["svg"]


def test_a_figure_that_asks_for_a_name_that_is_not_there_says_so():
    (session,) = arranged(zh=[block("a = 1"), figure(FIGURE, "curve", "x")])
    _, drawn = (result for result, _ in run(session))
    assert drawn["failure"] == "raised"
    assert "figure 'curve' asks for losses" in drawn["error"]["message"]


def test_a_figure_that_fails_names_its_line():
    (session,) = arranged(zh=[block("losses = []"), figure(FIGURE, "curve", "x")])
    _, drawn = (result for result, _ in run(session))
    assert drawn["where"] == "docs/figures/page.py:5"


def test_a_block_is_compiled_without_any_flag_of_ours():
    code = "def f(x: Tensr): ..."
    (result,) = outcome(block(code, raises="NameError"))
    assert "failure" not in result


def test_keys_follow_what_a_block_is_to_raise_and_where():
    def key(**options):
        (session,) = arranged(zh=[block("int('x')", **options)])
        return session.tasks[0].key

    assert len({key(), key(raises="ValueError"), key(process="fresh")}) == 3
