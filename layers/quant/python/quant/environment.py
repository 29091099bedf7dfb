"""Settings as classes: what a field must be is its type, its value is in an environment variable.

msgspec validates them: its import costs a hundredth of Pydantic's, and no function has the
command lines, files and nested models for which there are bigger readers.
"""

import os
from collections.abc import Iterator, Mapping
from enum import EnumType
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Self, get_args, get_origin, get_type_hints

import msgspec

from quant.errors import QuantError

TRUE: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
FALSE: Final = frozenset({"0", "false", "no", "off", "n", "f"})


class Variable(msgspec.Struct, frozen=True):
    """Annotates a field whose variable is not named by the class's prefix and the field's name."""

    name: str


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one variable.

    Attributes:
        variable: Its name.
        message: What is wrong; never a value.
        missing: Whether it is not there at all.
    """

    variable: str
    message: str
    missing: bool = False


class SettingsError(QuantError, ValueError):
    """Variables are missing or wrong; the message names them, and shows no value.

    Attributes:
        faults: Each of them.
    """

    def __init__(self, settings: str, faults: tuple[Fault, ...]) -> None:
        wrong = "; ".join(f"{fault.variable}: {fault.message}" for fault in faults)
        super().__init__(f"{settings}: {wrong}")
        self.faults = faults


class _Field(msgspec.Struct, frozen=True):
    """How a field is read.

    Attributes:
        variable: Name of its environment variable.
        kind: Its type, without annotations.
        hint: Its type with what msgspec is to check.
    """

    variable: str
    kind: Any
    hint: Any

    def read(self, text: str) -> Any:
        """Return the value of a variable.

        Raises:
            ValueError: It is not what the field must be.
        """
        if self.kind is bool:
            word = text.lower()
            if word not in TRUE | FALSE:
                msg = "must be true or false"
                raise ValueError(msg)
            return word in TRUE
        if get_origin(self.kind) in {dict, frozenset}:
            return msgspec.json.decode(text, type=self.hint)
        return self.check(text, strict=False)

    def check(self, value: Any, *, strict: bool = True) -> Any:
        """Return a value as the field has it.

        Raises:
            ValueError: It is not what the field must be.
        """
        # msgspec's own message would show the value.
        if isinstance(self.kind, EnumType) and value not in self.kind:
            msg = f"must be one of {', '.join(self.kind)}"
            raise ValueError(msg)
        return msgspec.convert(value, self.hint, strict=strict)


class Settings:
    """Base of classes of settings, whose fields are annotated names; instances do not change.

    The variable of a field is the class's ``prefix`` and the field's name in capitals, unless the
    field is annotated with a ``Variable``. Sets and dictionaries are JSON in the environment.

    Args:
        given: Values of fields that are not read from the environment.

    Raises:
        SettingsError: Variables are missing or wrong.
    """

    _prefix: ClassVar[str] = ""

    def __init_subclass__(cls, *, prefix: str | None = None) -> None:
        super().__init_subclass__()
        if prefix is not None:
            cls._prefix = prefix

    def __init__(self, **given: Any) -> None:
        self._fill(os.environ, given)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """Return the settings that variables other than the process's own describe.

        Raises:
            SettingsError: Variables are missing or wrong.
        """
        made = cls.__new__(cls)
        made._fill(variables, {})
        return made

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the environment variable of each field."""
        return {name: field.variable for name, field in cls._fields().items()}

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: ARG003 - for subclasses
        """Yield fields that are wrong beside others, and why.

        Args:
            values: Values of the fields that are right by themselves.
        """
        yield from ()

    @classmethod
    @cache
    def _fields(cls) -> dict[str, _Field]:
        return {
            name: _field(name, hint, cls._prefix)
            for name, hint in get_type_hints(cls, include_extras=True).items()
            if get_origin(hint) is not ClassVar
        }

    def replace(self, **changes: Any) -> Self:
        """Return the same settings with some fields changed.

        Raises:
            SettingsError: A change is not what the field must be.
        """
        return type(self)(**{**vars(self), **changes})

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"{type(self).__name__} does not change"
        raise AttributeError(msg)

    def _fill(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> None:
        fields = self._fields()
        if unknown := given.keys() - fields.keys():
            msg = f"{type(self).__name__} has no {', '.join(sorted(unknown))}"
            raise TypeError(msg)
        values: dict[str, Any] = {}
        faults = []
        for name, field in fields.items():
            try:
                if name in given:
                    values[name] = field.check(given[name])
                elif field.variable in variables:
                    values[name] = field.read(variables[field.variable])
                elif hasattr(type(self), name):
                    values[name] = getattr(type(self), name)
                else:
                    faults.append(Fault(field.variable, "is missing", missing=True))
            except ValueError as error:
                faults.append(Fault(field.variable, str(error)))
        for name, message in self.rules(values):
            missing = values[name] is None
            faults.append(Fault(fields[name].variable, message, missing=missing))
        if faults:
            raise SettingsError(type(self).__name__, tuple(faults))
        self.__dict__.update(values)


def _field(name: str, hint: Any, prefix: str) -> _Field:
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    named = (note.name for note in notes if isinstance(note, Variable))
    return _Field(next(named, f"{prefix}{name}".upper()), kind, hint)
