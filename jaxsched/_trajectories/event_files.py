"""TensorBoard's event files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from .names import Wanted, chosen
from .written import Row


def event_rows(wanted: Wanted) -> Iterator[Row]:
    """The scalars of one tag; TensorBoard's own format of records."""
    path = wanted.path
    try:
        from tensorboardX.proto import event_pb2  # type: ignore[import-untyped]
    except ImportError as reason:
        raise ValueError(
            f"{path}: must be read with tensorboardX, which is not installed: pip install tensorboardX"
        ) from reason
    data, tags = path.read_bytes(), {}  # type: ignore[var-annotated]
    at = 0
    while at + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        if at + 16 + size > len(data):
            break  # the last record of a run that was killed
        event = event_pb2.Event()
        try:
            event.ParseFromString(data[at + 12 : at + 12 + size])
        except Exception as reason:
            raise ValueError(
                f"{path}: must be an event file of TensorBoard, and is none at byte {at}"
            ) from reason
        at += 16 + size
        for value in event.summary.value:
            if value.HasField("simple_value"):
                number = float(np.float32(value.simple_value))
            elif value.HasField("tensor"):
                found = _scalar(value.tensor)
                if found is None:
                    continue
                number = found
            else:
                continue
            tags.setdefault(value.tag, []).append((event.step, number))
    name = chosen(wanted, list(tags))
    for step, number in tags[name]:
        yield f"{path}: step {step}", int(step), float(number).hex()


_CONTENTS = {1: "<f4", 2: "<f8", 19: "<f2"}
"""The float types of TensorFlow by their number in its files."""


def _scalar(tensor: Any) -> float | None:
    """A tensor of one number; None where it is something else."""
    for listed, kind in ((tensor.float_val, np.float32), (tensor.double_val, np.float64)):
        if len(listed) == 1:
            return float(kind(listed[0]))
    dtype = _CONTENTS.get(tensor.dtype)
    if dtype is None or len(tensor.tensor_content) != np.dtype(dtype).itemsize:
        return None
    return float(np.frombuffer(tensor.tensor_content, dtype)[0])
