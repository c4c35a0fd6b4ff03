"""What an object was made with: the arguments of its constructor, read back from its attributes.

The convention: each argument is kept as an attribute of the same name. A layer also remembers the
arguments themselves, for what its constructor does not keep. `get_config` and `from_config` may be
overridden where neither is right.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from graphdl.core.errors import ModelFileError

_MISSING = object()
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Configured:
    """Gives a class `get_config` and `from_config`; remembers what its objects were made with."""

    _made_with: tuple[tuple, dict[str, Any]] = ((), {})

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.__dict__["_made_with"] = (args, kwargs)
        return made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # a signature comes from __init__, not from the __new__ above
        own = inspect.signature(cls.__init__)
        cls.__signature__ = own.replace(parameters=list(own.parameters.values())[1:])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name; an override may add to those found here."""
        return arguments(self, strict=type(self).get_config is Configured.get_config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new object from what `get_config` returned."""
        return cls(**config)


def arguments(obj: Any, strict: bool = True) -> dict[str, Any]:
    """The arguments that would make `obj` again, by name.

    Raises ModelFileError for one that is not known (`strict`), naming it and the cure.
    """
    given = _given(obj)
    found = {}
    for parameter in _parameters(type(obj), given):
        value = _value(obj, parameter.name, given)
        if value is not _MISSING:
            found[parameter.name] = value
        elif strict and not _may_be_left_out(parameter, obj):
            kind, name = type(obj).__name__, parameter.name
            raise ModelFileError(
                f"{kind} cannot be written to a file: its constructor takes {name!r}, which it does "
                f"not keep. Write self.{name} = {name} in its __init__, or give it get_config()"
            )
    return found


def _given(obj: Any) -> dict[str, Any]:
    """The arguments that the object remembers, by name."""
    args, kwargs = vars(obj).get("_made_with", ((), {})) if hasattr(obj, "__dict__") else ((), {})
    own = list(inspect.signature(type(obj).__init__).parameters.values())[1:]
    names = [p.name for p in own if p.kind in _NAMED]
    return dict(zip(names, args, strict=False)) | kwargs


def _parameters(cls: type, given: Mapping[str, Any]) -> list[inspect.Parameter]:
    """The parameters of the constructor, and what its ** passes on to the base classes.

    A layer remembers what went through **; elsewhere every parameter of the base counts.
    """
    found: dict[str, inspect.Parameter] = {}
    for level, parameters in enumerate(_constructors(cls)):
        for p in parameters:
            if p.kind is inspect.Parameter.VAR_POSITIONAL:
                raise ModelFileError(
                    f"{cls.__name__} cannot be written to a file: its constructor takes *{p.name}, "
                    "which have no names. List them one by one, or give it get_config()"
                )
            passed_on = level > 0 and issubclass(cls, Configured)
            if p.kind in _NAMED and (not passed_on or p.name in given):
                found.setdefault(p.name, p)
    return list(found.values())


def _constructors(cls: type) -> Iterator[list[inspect.Parameter]]:
    """The parameters of each __init__ that ** leads to, from the class up."""
    for base in cls.__mro__[:-1]:  # `object` takes nothing
        if "__init__" in vars(base):
            own = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
            yield own
            if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in own):
                return


def _value(obj: Any, name: str, given: Mapping[str, Any]) -> Any:
    """The attribute; a method or property of that name gives way to the argument itself."""
    own = vars(obj) if hasattr(obj, "__dict__") else {}
    if name in own:
        return own[name]
    return given[name] if name in given else getattr(obj, name, _MISSING)


def _may_be_left_out(parameter: inspect.Parameter, obj: Any) -> bool:
    """A layer that was made without it is made without it again."""
    return isinstance(obj, Configured) and parameter.default is not inspect.Parameter.empty
