"""The packages that shown code may import."""

from __future__ import annotations

from run import store

# Their names on the package index, and as frameworks. Shown code imports nothing else.
PACKAGES = {
    "torch": ("torch", "PyTorch"),
    "sklearn": ("scikit-learn", ""),
    "numpy": ("numpy", ""),
    "tensorflow": ("tensorflow", "TensorFlow"),
    "keras": ("keras", "Keras"),
}


def version(package: str) -> str:
    """A package's public version; TensorFlow's has another name where it is for the CPU only."""
    found = store.distribution(package) or store.distribution(f"{package}-cpu")
    return (found or "").partition("+")[0]
