"""The imports of pickles, found by reading their instructions; nothing is run.

A pickle is a program for a small machine with a stack. This reads the program with
``pickletools``, and follows the stack only as far as names depend on it. Long texts and
arrays are skipped, so that large models can be read. Files of joblib have arrays
between the instructions; these are skipped as well.
"""

import bz2
import lzma
import pickletools
import re
import zlib
from collections import ChainMap
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts.rest.previews.csv_tables import cut
from hopsartifacts.rest.previews.dangers import COMPUTED, is_dangerous
from hopsartifacts.rest.previews.documents import READ_BYTES, Import, Pickle
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError

_MOST_INSTRUCTIONS = 500_000
_MOST_IMPORTS = 1000
_MOST_ENTRIES = 100
_SKIPPED_FROM = 16 * 1024
_SHORT_LINE = 512
_LONGEST_LINE = 1024 * 1024
_MOST_AHEAD = 1000
_DECOMPRESSED_BYTES = 16 * 1024 * 1024
_LZMA_BYTES = 128 * 1024 * 1024
_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_DTYPE = re.compile(r"[<>|=]?([biufcmMSUV])(\d{1,6})")
_DAMAGED = (ValueError, IndexError, TypeError, KeyError, OverflowError)
_IS_NAME = re.compile(r"[A-Za-z_][\w.]{0,200}")
_UNKNOWN = object()
_MARK = object()


class _Name(str):
    """A name that was imported."""

    __slots__ = ()


class _Made(msgspec.Struct, eq=False):
    """The result of a call."""

    callee: object
    arguments: object


class _Gap(bytes):
    """Bytes that were skipped: they have a length, but no content."""

    length = 0

    def __len__(self) -> int:
        return self.length


class _Instructions:
    """The bytes of a pickle as a file, of which long parts are skipped."""

    def __init__(self, data: FileBytes) -> None:
        self._data = data
        self._at = 0
        self._block = b""
        self._block_at = 0

    def tell(self) -> int:
        return self._at

    def skip(self, size: int) -> None:
        self._at += size

    def go_to(self, position: int) -> None:
        self._at = position

    def read(self, size: int) -> bytes:
        if size > _SKIPPED_FROM:
            if size > self._data.size_bytes - self._at:
                raise ValueError("it ends within a text")
            gap = _Gap()
            gap.length = size
            self._at += size
            return gap
        start = self._at - self._block_at
        if not 0 <= start <= len(self._block) - size:
            self._block_at, start = self._at, 0
            self._block = self._data.at(self._at, max(size, _SKIPPED_FROM))
        found = self._block[start : start + size]
        self._at += len(found)
        return found

    def instructions(self) -> Iterable[Any]:
        """Yield the instructions from here on; the position is after the last one."""
        file: Any = self
        return pickletools.genops(file)

    def readline(self) -> bytes:
        for most in (_SHORT_LINE, _LONGEST_LINE):
            data = self._data.at(self._at, most)
            if end := data.find(b"\n") + 1:
                self._at += end
                return data[:end]
        raise ValueError("it has a line that is too long, or has no end")


class _Machine:
    """The stack of one pickle, and the names that it has imported."""

    def __init__(self, imports: set[str]) -> None:
        self.imports = imports
        self.array: tuple[_Made, dict[Any, Any]] | None = None
        self._stack: list[Any] = []
        self._memo: MutableMapping[Any, Any] = {}

    def step(self, code: pickletools.OpcodeInfo, argument: Any) -> None:
        """Follow one instruction."""
        self.array = None
        special = _STEPS.get(code.name)
        if special:
            special(self, argument)
            return
        before = code.stack_before
        if pickletools.markobject in before:
            self.pop_to_mark()
            self.pop(before.index(pickletools.markobject))
        else:
            self.pop(len(before))
        is_value = code.arg is not None and isinstance(argument, str | int)
        for _ in code.stack_after:
            self._stack.append(argument if is_value else _UNKNOWN)

    def ahead(self) -> "_Machine":
        """Return a machine that can go on from here without changing this one."""
        found = _Machine(set())
        found._stack = [_UNKNOWN] * _MOST_ENTRIES + self._stack[-_MOST_ENTRIES:]
        found._memo = ChainMap({}, self._memo)
        return found

    def pop(self, count: int) -> list[Any]:
        """Return the highest *count* values, and remove them."""
        if count > len(self._stack):
            raise ValueError("it takes more from the stack than there is")
        found = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return found

    def pop_to_mark(self) -> list[Any]:
        """Return what is above the last mark, and remove both."""
        found: list[Any] = []
        while self._stack:
            it = self._stack.pop()
            if it is _MARK:
                return found[::-1]
            found.append(it)
        raise ValueError("it lacks a mark")

    def push(self, value: object) -> None:
        """Put *value* on the stack."""
        self._stack.append(value)

    def duplicate(self) -> None:
        """Push the top of the stack again."""
        self.push(self._stack[-1])

    def put(self, key: object) -> None:
        """Remember the top of the stack."""
        self._memo[key] = self._stack[-1]

    def memoize(self, _: object) -> None:
        """Remember the top of the stack under the next number."""
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, key: object) -> None:
        """Push what was remembered."""
        self.push(self._memo.get(key, _UNKNOWN))

    def tuple_of(self, count: int | None) -> None:
        """Replace values by a tuple of them; None: those above the last mark."""
        found = self.pop_to_mark() if count is None else self.pop(count)
        self.push(tuple(found))

    def import_(self, module: object, name: object) -> None:
        """Push an imported name."""
        is_known = isinstance(module, str) and isinstance(name, str)
        full = f"{module}.{name}" if is_known else COMPUTED
        if len(self.imports) < _MOST_IMPORTS:
            self.imports.add(full)
        self.push(_Name(full))

    def import_from_stack(self, _: object) -> None:
        """Import the two texts on the stack."""
        self.import_(*self.pop(2))

    def import_named(self, argument: str) -> None:
        """Import what the argument names."""
        module, _, name = argument.partition(" ")
        self.import_(module, name)

    def instance(self, argument: str) -> None:
        """Call what the argument names with what is above the last mark."""
        arguments = self.pop_to_mark()
        self.import_named(argument)
        self.push(_Made(self._stack.pop(), tuple(arguments)))

    def call(self, count: int) -> None:
        """Call the lowest of *count* values with the next one."""
        callee, arguments, *_ = self.pop(count)
        self.push(_Made(callee, arguments))

    def call_marked(self, _: object) -> None:
        """Call the first value above the last mark with the others."""
        callee, *arguments = self.pop_to_mark() or [_UNKNOWN]
        self.push(_Made(callee, tuple(arguments)))

    def set_items(self, found: list[Any]) -> None:
        """Set the keys and values *found* in the dictionary on the stack."""
        top = self._stack[-1]
        if isinstance(top, dict) and len(top) < _MOST_ENTRIES:
            for key, value in zip(found[::2], found[1::2], strict=False):
                if isinstance(key, str):
                    top[key] = value

    def build(self, _: object) -> None:
        """Give the state on the stack to the object below it."""
        (state,) = self.pop(1)
        top = self._stack[-1]
        if isinstance(top, _Made) and top.callee == _ARRAY and isinstance(state, dict):
            self.array = top, state


_Step = Callable[[_Machine, Any], object]
_STEPS: dict[str, _Step] = {
    "MARK": lambda it, _: it.push(_MARK),
    "POP": lambda it, _: it.pop(1),
    "POP_MARK": lambda it, _: it.pop_to_mark(),
    "DUP": lambda it, _: it.duplicate(),
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "EMPTY_TUPLE": lambda it, _: it.push(()),
    "TUPLE": lambda it, _: it.tuple_of(None),
    "TUPLE1": lambda it, _: it.tuple_of(1),
    "TUPLE2": lambda it, _: it.tuple_of(2),
    "TUPLE3": lambda it, _: it.tuple_of(3),
    "EMPTY_DICT": lambda it, _: it.push({}),
    "SETITEM": lambda it, _: it.set_items(it.pop(2)),
    "SETITEMS": lambda it, _: it.set_items(it.pop_to_mark()),
    "GLOBAL": _Machine.import_named,
    "STACK_GLOBAL": _Machine.import_from_stack,
    "INST": _Machine.instance,
    "OBJ": _Machine.call_marked,
    "REDUCE": lambda it, _: it.call(2),
    "NEWOBJ": lambda it, _: it.call(2),
    "NEWOBJ_EX": lambda it, _: it.call(3),
    "BUILD": _Machine.build,
    "NEWTRUE": lambda it, _: it.push(value=True),
    "NEWFALSE": lambda it, _: it.push(value=False),
    "NONE": lambda it, _: it.push(None),
    "EXT1": lambda it, _: it.import_(None, None),
    "EXT2": lambda it, _: it.import_(None, None),
    "EXT4": lambda it, _: it.import_(None, None),
}


class _Reading:
    """One reading of a file that has one pickle or more, one after the other.

    Attributes:
        imports: the names that are imported.
        is_sure: whether all bytes that might be instructions were followed.
    """

    def __init__(self, file: _Instructions) -> None:
        self.imports: set[str] = set()
        self.is_sure = True
        self._file = file
        self._left = _MOST_INSTRUCTIONS

    def pickles(self) -> None:
        """Read all pickles that follow each other directly.

        Raises:
            ValueError: it is damaged, or is something else from somewhere on.
            UnreadableError: it is too long.
        """
        self._pickle()
        # PyTorch's older format has several, and then the bytes of tensors.
        while following := self._file.read(1):
            self._file.skip(-1)
            if following != b"\x80":
                # The oldest protocol begins with any instruction.
                self._look_ahead(_Machine(self.imports))
                return
            self._pickle()

    def _pickle(self) -> None:
        machine = _Machine(self.imports)
        operations = self._file.instructions()
        for code, argument, _ in operations:
            self._left -= 1
            if self._left < 0:
                raise UnreadableError(
                    f"only its first {_MOST_INSTRUCTIONS} instructions were read"
                )
            machine.step(code, argument)
            if machine.array:
                self._look_ahead(machine)
                self._skip_array(machine.array[1])

    def _look_ahead(self, machine: _Machine) -> None:
        """Add what would be imported if the bytes from here on were instructions.

        An array is, if it is loaded by ``pickle`` and not by joblib: so nothing can be
        hidden in what looks like an array, or like tensors.
        """
        ahead, position = machine.ahead(), self._file.tell()
        operations = self._file.instructions()
        with suppress(*_DAMAGED):
            for number, (code, argument, _) in enumerate(operations):
                if number == _MOST_AHEAD:
                    self.is_sure = False
                    break
                ahead.step(code, argument)
        self.imports |= {it for it in ahead.imports if _IS_NAME.fullmatch(it)}
        self._file.go_to(position)

    def _skip_array(self, state: dict[Any, Any]) -> None:
        """Skip the values of an array, which joblib writes after the wrapper."""
        kind, shape = state.get("dtype"), state.get("shape")
        name = kind.arguments[0] if isinstance(kind, _Made) and kind.arguments else ""  # type: ignore[index]  # a tuple
        if isinstance(name, str) and name.startswith("O"):
            self._pickle()
            return
        found = _DTYPE.fullmatch(name) if isinstance(name, str) else None
        if found is None or not isinstance(shape, tuple):
            raise ValueError("it has an array of an unknown type")
        size = int(found[2]) * (4 if found[1] == "U" else 1)
        for it in shape:
            if not isinstance(it, int) or it < 0:
                raise ValueError("it has an array of an unknown shape")
            size *= it
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = self._file.read(1)
            size += padding[0] if padding else 0
        self._file.skip(size)


def pickle_imports(file: FileBytes, notes: list[str]) -> Pickle:
    """Return what the pickle in *file* imports; adds to *notes* where reading ended."""
    reading = _Reading(_Instructions(file))
    is_complete = False
    try:
        reading.pickles()
        is_complete = reading.is_sure
        if not is_complete:
            notes.append("what looks like an array or a tensor may import more")
    except UnreadableError as error:
        notes.append(f"{error}; it may import more")
    except _DAMAGED as error:
        notes.append(f"it could not be read to its end ({cut(str(error))})")
    return Pickle(
        imports=sorted(Import(cut(it), is_dangerous(it)) for it in reading.imports),
        is_complete=is_complete,
    )


def decompressed(file: FileBytes, notes: list[str]) -> FileBytes | None:
    """Return the content of a compressed file; None if it is not compressed.

    At most 16 MiB of it; adds to *notes* if there is more.

    Raises:
        UnreadableError: the compressed data is damaged.
    """
    head = file.head(6)
    if head.startswith(
        (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
    ):
        decompress: Any = zlib.decompressobj(47).decompress
    elif head.startswith(b"BZh"):
        decompress = bz2.BZ2Decompressor().decompress
    elif head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        decompress = lzma.LZMADecompressor(memlimit=_LZMA_BYTES).decompress
    else:
        return None
    packed = file.head(READ_BYTES - READ_BYTES // 8)
    try:
        data = decompress(packed, _DECOMPRESSED_BYTES)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise UnreadableError(f"its compressed data is damaged: {error}") from error
    if len(packed) < file.size_bytes or len(data) == _DECOMPRESSED_BYTES:
        notes.append("only the beginning of the compressed data was read")
    return FileBytes(
        len(data),
        lambda start, size: data[start : start + size],
        2 * len(data) + READ_BYTES,
    )
