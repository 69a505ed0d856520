"""What is timed of a fused GELU, with a compiler and without one."""

import functools
import runpy

import pytest
import torch
import torch.nn.functional as F
from sources import SNIPPETS


@pytest.mark.parametrize("compiler", [True, False])
def test_the_timed_fusion_runs_without_a_compiler(monkeypatch, capsys, compiler):
    compiles = []

    def quick(function):
        compiles.append(function)
        return functools.partial(function)

    monkeypatch.setattr(torch, "compile", quick)
    monkeypatch.setattr("shutil.which", lambda name: "c++" if compiler else None)
    runpy.run_path(str(SNIPPETS / "trends/scale_inductor.py"))
    lines = capsys.readouterr().out.splitlines()
    assert len(compiles) == compiler
    names = [line.split("  ")[0].rsplit(" ", 1)[0] for line in lines]
    if compiler:
        x = torch.linspace(-4, 4, 101)
        torch.testing.assert_close(
            compiles[0](x), F.gelu(x, approximate="tanh"), atol=1e-6, rtol=0
        )
        assert lines[0] == "difference  0.0e+00"
        assert len(lines) == 4
    else:
        assert len(lines) == 1
    assert names[-1].startswith("compiled" if compiler else "eager")
    assert all(0 < float(line.split()[-2]) < 60 for line in lines[-3:])
