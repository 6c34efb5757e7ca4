"""Frame: everything that the kernels of one frame are told, one struct in Python and in CUDA C++.

It lies in device memory, so that a recorded CUDA graph reads new numbers without being changed.
"""

import ctypes
from typing import Any

MOST_RANGES = 16  # of rows alive; the time index has no more than 12
WORDS = "unsigned*"
# Words of `counters`; a ticket says in which order blocks began.
COUNTERS = ("ALIVE", "VISIBLE", "PAIRS", "SERIAL", "TICKET_GAUSSIANS", "TICKET_TILES", "ENTRIES")
TICKET_DEPTHS = 8  # and one for each pass of the two sorts
TICKET_PAIRS = 12
COUNTER_WORDS = 16

# Name, type in C, how many. Pointers first: nothing is padded between.
FIELDS = (
    ("lives", "const unsigned*", 1),  # rows of the model: viewer/cuda/kernels/rows.cuh
    ("geometry", "const unsigned*", 1),
    ("colors", "const unsigned*", 1),
    ("records", WORDS, 1),  # [visible]
    ("features", "float*", 1),  # [visible, EXTRA]: channels beyond three
    ("depth_keys", WORDS, 2),  # [visible] bits of the depth; from one to the other in each pass
    ("depth_values", WORDS, 2),  # [visible] records
    ("pair_keys", WORDS, 2),  # [pairs] tiles
    ("pair_values", WORDS, 2),  # [pairs] records
    ("entries", "uint4*", 1),  # parts of splats in many tiles: record, first pair, part, nothing
    ("counters", WORDS, 1),
    ("depth_digits", WORDS, 1),  # [4, 256] how often each digit occurs
    ("tile_digits", WORDS, 1),  # [3, 256]
    ("status_gaussians", WORDS, 1),  # [blocks]
    ("status_tiles", WORDS, 1),  # [blocks]
    ("status_depths", WORDS, 1),  # [4, depth_tiles, 256]
    ("status_pairs", WORDS, 1),  # [tile_passes, pair_tiles, 256]
    ("tile_ranges", WORDS, 1),  # [tiles, 2] first pair and past the last
    ("scratch", "void*", 1),  # all of the above from `counters` on, zero when a frame begins
    ("layer", "void*", 1),  # what is blended
    ("picture", WORDS, 1),  # the same over the background, 8 bits
    ("scratch_quads", "unsigned", 1),  # of 16 bytes
    ("serial", "unsigned", 1),  # of the frame
    ("rows", "unsigned", 1),  # in the ranges alive
    ("range_count", "unsigned", 1),
    ("range_first", "unsigned", MOST_RANGES),  # stored row
    ("range_slot", "unsigned", MOST_RANGES),  # how many rows lie in the ranges before
    ("pair_capacity", "unsigned", 1),
    ("entry_capacity", "unsigned", 1),
    ("depth_tiles", "unsigned", 1),  # blocks of a pass of the sort by depth
    ("pair_tiles", "unsigned", 1),
    ("tile_passes", "unsigned", 1),  # of the sort by tile, eight bits each
    ("tiles_x", "unsigned", 1),
    ("tiles_y", "unsigned", 1),
    ("width", "unsigned", 1),
    ("height", "unsigned", 1),
    ("flip", "unsigned", 1),  # rows bottom-up, as OpenGL has them
    ("mode", "unsigned", 1),
    ("compensation", "unsigned", 1),  # index into Compensation
    ("sh_degree", "int", 1),
    ("sh_output", "unsigned", 1),  # index into sh.Output
    ("viewmat", "float", 12),  # three rows
    ("orthographic", "unsigned", 1),
    ("focal", "float", 2),  # pixels, or pixels a world unit where orthographic
    ("principal", "float", 2),  # pixels
    ("jacobian_focal", "float", 2),  # pixels
    ("slope_low", "float", 2),
    ("slope_high", "float", 2),
    ("camera_center", "float", 3),
    ("background", "float", 3),
    ("low_pass", "float", 1),  # px²
    ("scale", "float", 1),
    ("near", "float", 1),  # world units
    ("far", "float", 1),
    ("least_opacity", "float", 1),
    ("least_transmittance", "float", 1),
    ("time", "float", 1),  # model time
    ("cull", "float", 1),  # of the window in time
    ("width_unit", "float", 1),  # what a half of a packed row counts: model time
    ("scale_unit", "float", 1),  # world units
)


def _ctype(kind: str) -> Any:
    if kind.endswith("*"):
        return ctypes.c_uint64
    return {"float": ctypes.c_float, "int": ctypes.c_int32, "unsigned": ctypes.c_uint32}[kind]


def _of(kind: str, count: int) -> Any:
    return _ctype(kind) if count == 1 else _ctype(kind) * count


class Frame(ctypes.Structure):
    """As the kernels have it."""

    _fields_ = [(name, _of(kind, count)) for name, kind, count in FIELDS]


def declaration() -> str:
    """frame.cuh: the struct and the counters, in C++."""
    lines = [
        f"    {kind} {name}{'' if count == 1 else f'[{count}]'};" for name, kind, count in FIELDS
    ]
    names = [f"#define {name} {number}" for number, name in enumerate(COUNTERS)]
    names += [f"#define TICKET_DEPTHS {TICKET_DEPTHS}", f"#define TICKET_PAIRS {TICKET_PAIRS}"]
    return "\n".join(["#pragma once", *names, "struct Frame {", *lines, "};", ""])
