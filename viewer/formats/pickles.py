"""Pickles looked through before they are read: what would keep a reader busy for ever is refused.

It says nothing about what a pickle may name; that is up to who reads it.
"""

import pickletools
from collections.abc import Iterable, Sequence
from typing import BinaryIO, cast

# Tuples of tuples that a file's numbers need: a tensor's arguments in those of a parameter, ...
# Each level may name the one below twice, and hashing walks all of it: 2^depth steps.
MAX_DEPTH = 18
MARK = -1


def check(pickle: bytes | BinaryIO, limit: int) -> None:
    """Look through one pickle; a file is left behind its end. limit: bytes that it may have.

    Raises ValueError where it numbers what it remembers beyond `limit` (the reader makes room up
    to the highest number), where what can be hashed is nested too deep, or where it is damaged.
    """
    stack: list[int] = []  # depth of each value, or MARK
    memo: dict[int, int] = {}
    for opcode, number, place in pickletools.genops(pickle):
        name = opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            key = len(memo) if name == "MEMOIZE" else cast("int", number)
            if key >= limit:
                raise ValueError(f"at position {place} it remembers number {key}")
            memo[key] = stack[-1] if stack else 0
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo.get(cast("int", number), 0))
        elif name == "DUP":
            stack.append(stack[-1] if stack else 0)
        else:
            inside = _taken(stack, opcode.stack_before)
            made = [o for o in opcode.stack_after if o is not pickletools.markobject]
            depth = 1 + max(inside) if inside else 0
            if depth > MAX_DEPTH:
                raise ValueError(f"at position {place} it is nested {depth} deep")
            if name == "MARK":
                stack.append(MARK)
            stack += [depth if name in NESTING else 0] * len(made)


# Of what they make, a hash walks all that went in. Lists and mappings have no hash.
NESTING = frozenset(
    ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD",
     "INST", "OBJ", "BINPERSID")
)  # fmt: skip


def _taken(stack: list[int], wanted: Iterable[pickletools.StackObject]) -> Sequence[int]:
    """What an opcode takes from the stack: depths, without marks."""
    wanted = list(wanted)
    taken: list[int] = []
    if pickletools.stackslice in wanted:
        while stack and (value := stack.pop()) != MARK:
            taken.append(value)
        wanted = wanted[: wanted.index(pickletools.markobject)]
    for _ in wanted:
        if stack:
            taken.append(max(stack.pop(), 0))
    return taken
