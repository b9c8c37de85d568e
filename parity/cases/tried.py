"""What is tried on PyTorch's classes, in the order of the reports."""

from .pytorch import COMPOSED, ORDINARY, Tried, load

TRIED: tuple[Tried, ...] = tuple(map(load, (*ORDINARY, *COMPOSED)))
