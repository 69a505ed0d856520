"""The packages that shown code may import, and which of them code does import."""

from __future__ import annotations

import ast
from collections.abc import Collection
from functools import cache

from run import store

# Their names on the package index, and as frameworks. Shown code imports nothing else.
PACKAGES = {
    "torch": ("torch", "PyTorch"),
    "numpy": ("numpy", ""),
    "sklearn": ("scikit-learn", ""),
    "tensorflow": ("tensorflow", "TensorFlow"),
    "keras": ("keras", "Keras"),
}


def versions(modules: Collection[str]) -> dict[str, str]:
    """Of these modules, the packages named above, with their public versions."""
    found = {}
    for package, _ in (PACKAGES[module] for module in PACKAGES if module in modules):
        # TensorFlow's has another name where it is for the CPU only.
        version = store.distribution(package) or store.distribution(f"{package}-cpu")
        found[package] = (version or "").partition("+")[0]
    return found


@cache
def imports(code: str) -> frozenset[str]:
    """The top-level modules that code imports, or that programs do which it has as text."""
    found: set[str] = set()
    try:
        tree = ast.parse(code if "import" in code else "")
    except (SyntaxError, ValueError):  # it was prose
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= imports(node.value)
    return frozenset(found)
