"""Ways to break a copy of a checkpoint: each takes its folder and changes it."""

from __future__ import annotations

import json
import struct
from pathlib import Path


def config(**changes):
    """Changes keys of config.json; None removes one."""

    def apply(folder: Path) -> None:
        path = folder / "config.json"
        values = json.loads(path.read_text())
        values.update(changes)
        path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))

    return apply


def text(name, content):
    """Replaces a file."""

    def apply(folder: Path) -> None:
        (folder / name).write_text(content)

    return apply


def remove(name):
    def apply(folder: Path) -> None:
        (folder / name).unlink()

    return apply


def folder_instead(name):
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def cut(name, bytes_left):
    """Keeps the first bytes of a file; negative: drops bytes of its end."""

    def apply(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:bytes_left])

    return apply


def header(change):
    """Applies `change` to the header of model.safetensors, a dictionary, and writes it back."""

    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        values = json.loads(data[8 : 8 + length])
        change(values)
        new = json.dumps(values).encode()
        path.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])

    return apply


def tensor(name, **fields):
    """Changes fields of one tensor's entry in the header."""
    return header(lambda values: values[name].update(fields))


def drop_tensor(name):
    """Renames a tensor to one that no model has."""

    def change(values):
        values["sequential.99.unknown"] = values.pop(name)

    return header(change)


def patch(name, offset, data):
    """Overwrites bytes; a negative offset counts from the end."""

    def apply(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        start = offset % len(content)
        content[start : start + len(data)] = data
        (folder / name).write_bytes(content)

    return apply
