"""A pickle -> plain values and tensors, by a machine that has no means to call anything.

`pickle.Unpickler` imports and calls what a file asks for, and torch's restricted one refuses a file
for one entry that it doesn't know. Here `pickletools` takes the pickle apart, and each operation is
carried out on plain values: a class or function is no more than its name, a call of it no more than
a note. Only the few calls that make a tensor are known, and done by `models.networks.storage`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, cast

from models.errors import UserError
from models.networks.storage import Storage, TensorView

__all__ = ["MOST_OPERATIONS", "Foreign", "HostilePickle", "MalformedPickle", "read_pickle"]

MOST_OPERATIONS = 1_000_000
"""More than any checkpoint has; each takes some 200 bytes of memory at most."""

LoadStorage: TypeAlias = Callable[[tuple[Any, ...]], Any]
Call: TypeAlias = Callable[[tuple[Any, ...]], Any]

# Nothing honest that people save asks for these.
_HOSTILE_MODULES = {"os", "posix", "nt", "subprocess", "runpy", "pty", "socket", "shutil"}
_HOSTILE_BUILTINS = {"eval", "exec", "compile", "open", "__import__", "execfile", "input"}


class PickleFile(Protocol):
    """What a pickle is read from."""

    def read(self, count: int, /) -> bytes:
        """So many bytes."""

    def readline(self) -> bytes:
        """Up to the next line."""

    def tell(self) -> int:
        """Where it stands."""


class MalformedPickle(UserError, ValueError):
    """It is no pickle, or a damaged one."""


class HostilePickle(UserError, ValueError):
    """It asks for what only an attack asks for; the text is the name."""


@dataclass(eq=False, slots=True)
class Foreign:
    """A class, a function or an object of other people's code, which is never imported or called.

    Attributes:
        name: Of the class or function, such as ``argparse.Namespace``.
        arguments: What it would have been called with; None if it was only named.
        state: What the object would have been given.
        entries: Its items, if it is a dictionary of a kind of its own.

    """

    name: str
    arguments: tuple[Any, ...] | None = None
    state: Any = None
    entries: dict[Any, Any] | None = None


def read_pickle(
    file: PickleFile,
    load_storage: LoadStorage,
    calls: Mapping[str, Call] = MappingProxyType({}),
    most_operations: int = MOST_OPERATIONS,
) -> Any:
    """Read the pickle that begins where ``file`` stands, and stop behind it.

    Args:
        file: Has ``read``, ``readline`` and ``tell``.
        load_storage: Gives the `Storage` of a persistent id, which is a tuple.
        calls: By their names, further calls that are carried out, on their arguments.
        most_operations: More are refused.

    Raises:
        MalformedPickle: It is none, or a damaged one, or has more operations than that.
        HostilePickle: It asks for a function that only an attack would ask for.

    """
    machine = _Machine(load_storage, {**_CALLS, **calls})
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(cast("Any", file))):
            if count > most_operations:
                raise MalformedPickle("more operations than a checkpoint has")
            machine.carry_out(operation.name, argument)
        return machine.stack.pop()
    except HostilePickle:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as fault:
        raise MalformedPickle(str(fault)) from None


class _Machine:
    """The stack, the marks in it, and the memo. What isn't plain is `Foreign`."""

    def __init__(self, load_storage: LoadStorage, calls: Mapping[str, Call]) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._load_storage = load_storage
        self._calls = calls

    def carry_out(self, operation: str, argument: Any) -> None:
        if operation in _VALUES:
            self.stack.append(argument)
        elif operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation])
        elif operation not in _IGNORED:
            _OPERATIONS[operation](self, argument)

    def empty(self, kind: Callable[[], Any]) -> None:
        self.stack.append(kind())

    def mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self._below.pop()
        return items

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def pop_to_mark(self, _: Any) -> None:
        self.pop_mark()

    def duplicate(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def put(self, place: int) -> None:
        self._memo[place] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def tuple_of(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            raise IndexError("the stack is empty")
        self.stack[-count:] = [items]

    def tuple_from_mark(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def list_from_mark(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def dict_from_mark(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._set(items)

    def append(self, _: Any) -> None:
        item = self.stack.pop()
        self._extend([item])

    def extend(self, _: Any) -> None:
        items = self.pop_mark()
        self._extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def set_items(self, _: Any) -> None:
        items = self.pop_mark()
        self._set(items)

    def _extend(self, items: list[Any]) -> None:
        # A foreign list's items are nobody's weights.
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        entries = _entries(self.stack[-1])
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, (str, int, float, bytes, bool, type(None))):
                entries[key] = value

    def name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(_named(module, name))

    def name_from_stack(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_named(str(module), str(name)))

    def name_by_number(self, number: int) -> None:
        self.stack.append(Foreign(f"extension {number}"))

    def old_instance(self, argument: str) -> None:
        arguments = tuple(self.pop_mark())
        module, _, name = argument.partition(" ")
        self.stack.append(self._called(_named(module, name), arguments))

    def old_object(self, _: Any) -> None:
        function, *arguments = self.pop_mark()
        self.stack.append(self._called(function, tuple(arguments)))

    def call(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(function, arguments))

    def _called(self, function: Any, arguments: Any) -> Any:
        """The tensor, the dictionary or the note that a call comes to."""
        if not isinstance(function, Foreign) or not isinstance(arguments, tuple):
            raise TypeError("it calls what can't be called")
        if function.name in _SUBCLASSES:
            # A tensor of a class of its own: the call that makes it, and that call's arguments.
            function, arguments = arguments[0], arguments[2]
        make = self._calls.get(function.name)
        return make(arguments) if make else Foreign(function.name, arguments)

    def new_object_with_keywords(self, _: Any) -> None:
        self.stack.pop()
        self.call(None)

    def build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Foreign):
            self.stack[-1] = _built(target, state)

    def storage(self, _: Any) -> None:
        identity = self.stack.pop()
        if not isinstance(identity, tuple):
            raise TypeError("a tensor's numbers lie elsewhere")
        self.stack.append(self._load_storage(identity))


def _entries(target: Any) -> dict[Any, Any]:
    """The dictionary into which items are set."""
    if isinstance(target, Foreign):
        target.entries = {} if target.entries is None else target.entries
        return target.entries
    if not isinstance(target, dict):
        raise TypeError("it sets an item of what has none")
    return target


_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_IGNORED = {"PROTO", "FRAME", "STOP", "READONLY_BUFFER"}
_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_to_mark,
    "DUP": _Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": _Machine.tuple_from_mark,
    # A set is a list here: it holds no weights, and its items may be such as no set takes.
    **dict.fromkeys(("LIST", "FROZENSET"), _Machine.list_from_mark),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), lambda machine, _: machine.empty(list)),
    "EMPTY_DICT": lambda machine, _: machine.empty(dict),
    "DICT": _Machine.dict_from_mark,
    "APPEND": _Machine.append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _Machine.extend),
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Machine.name_by_number),
    "INST": _Machine.old_instance,
    "OBJ": _Machine.old_object,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
    "NEWOBJ_EX": _Machine.new_object_with_keywords,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.storage,
}


def _named(module: str, name: str) -> Foreign:
    is_hostile = module.partition(".")[0] in _HOSTILE_MODULES or (
        module in {"builtins", "__builtin__", "io"} and name in _HOSTILE_BUILTINS
    )
    if is_hostile:
        raise HostilePickle(f"{module}.{name}")
    return Foreign(f"{module}.{name}")


def _dictionary(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """An OrderedDict or its kin; Python 2 gives its items to the call, as pairs."""
    pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
    found = {key: value for key, value in pairs if isinstance(key, str)}
    pairs.clear()  # or a small pickle could have a long list copied a million times
    return found


def _tensor(arguments: tuple[Any, ...]) -> TensorView:
    return TensorView(*arguments[:4])


def _typed_tensor(arguments: tuple[Any, ...]) -> TensorView:
    storage, offset, shape, stride, _gradient, _hooks, dtype = arguments[:7]
    return TensorView(storage.of_type(dtype.name), offset, shape, stride)


def _first(arguments: tuple[Any, ...]) -> Any:
    return arguments[0]


_CALLS: dict[str, Call] = {
    **dict.fromkeys(("collections.OrderedDict", "builtins.dict", "__builtin__.dict"), _dictionary),
    "collections.defaultdict": lambda _: {},
    "torch.Size": _first,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.nn.parameter.Parameter": _first,
}
_SUBCLASSES = {"torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"}


def _built(target: Foreign, state: Any) -> Any:
    """An object with its state; a tensor of before torch 0.2 gets its numbers this way."""
    if (
        target.name.startswith("torch.") and target.name.endswith("Tensor")
        and isinstance(state, tuple) and state and isinstance(state[0], Storage)
    ):  # fmt: skip
        return _tensor(state)
    target.state = state
    return target
