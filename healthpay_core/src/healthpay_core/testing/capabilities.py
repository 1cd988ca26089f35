"""What an adapter may lack, if it says so: nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    import pytest

_NEEDS: Final = "__needs_capability__"
_REFUSAL: Final = "test_what_it_is_without_it_refuses"

_AnyTest: TypeAlias = Callable[..., None]
Test = TypeVar("Test", bound=_AnyTest)


class Capability(Enum):
    """What not every adapter can have; all else of a contract is for everyone."""

    MULTI_STREAM = "multi_stream"
    """One append may touch several streams, all of it or nothing (T4).

    Without it the answer is `AppendUnavailable`, and transfers are sagas (T5).
    """

    REOPEN = "reopen"
    """What was stored outlives the process."""

    SECOND_HANDLE = "second_handle"
    """Several handles, of one process or more, share the same data (V2)."""

    HASH_CHAIN = "hash_chain"
    """Each event carries the links of its stream's chain (A2), else empty ones."""


def needs(capability: Capability) -> Callable[[Test], Test]:
    """Marks a test of a contract that only an adapter with `capability` can pass.

    When it fails, a note says how to declare that the adapter is without.
    """
    declared = f'without={{Capability.{capability.name}: "why"}}'
    note = f"It asks for {capability.name}; who lacks that declares {declared}."

    def mark(test: Test) -> Test:
        @wraps(test)
        def asked(*args: object, **kwargs: object) -> None:
            __tracebackhide__ = True
            try:
                test(*args, **kwargs)
            except (AssertionError, NotImplementedError) as error:
                error.add_note(note)
                raise

        setattr(asked, _NEEDS, capability)
        return cast("Test", asked)

    return mark


class Contract:
    """What all contracts share: how an adapter says what it lacks.

    A subclass declares that in its class statement, with the reason of each:

    ```python
    class TestMyCache(EventStoreContract, without={Capability.REOPEN: "a cache"}):
        ...
    ```

    The tests that need what it lacks make room for one that shows, under the
    declared reason, that it is refused cleanly. Who lacks something and does not
    say so fails; who says so and has it anyway fails too. A test that is set to
    something else than a function comes back: none is left out but by declaration.

    Args:
        without: What the adapter lacks, and why; inherited when left out.

    Raises:
        TypeError: At the class statement: a capability that this contract does
            not ask for, or no reason.
    """

    without: ClassVar[Mapping[Capability, str]] = MappingProxyType({})
    """What the adapter lacks, and why."""

    optional: ClassVar[frozenset[Capability]] = frozenset()
    """What an adapter of this contract may lack."""

    asked: ClassVar[Mapping[str, Callable[..., None]]] = MappingProxyType({})
    """Every test by its name, also those that are left out."""

    def __init_subclass__(
        cls, *, without: Mapping[Capability, str] | None = None
    ) -> None:
        super().__init_subclass__()
        if without is not None:
            _check(cls, without)
            cls.without = MappingProxyType(dict(without))
        tests: dict[str, _AnyTest] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Contract):
                own = vars(base) if base is cls else base.asked
                tests.update((n, t) for n, t in own.items() if _is_test(n, t))
        cls.asked = MappingProxyType(tests)
        for name, test in tests.items():
            setattr(cls, name, None if _is_left_out(cls, name, test) else test)

    @classmethod
    def asks(cls) -> Sequence[str]:
        """The names of the tests that are run as things are declared, sorted."""
        return sorted(name for name in cls.asked if getattr(cls, name))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each capability that is declared missing."""
        if metafunc.function.__name__ == _REFUSAL:
            lacks = self.without.items()
            names = [f"{capability.value}: {reason}" for capability, reason in lacks]
            metafunc.parametrize("capability", list(self.without), ids=names)


def _check(cls: type[Contract], without: Mapping[Capability, str]) -> None:
    for capability, reason in without.items():
        if capability not in cls.optional:
            raise TypeError(f"{cls.__name__} cannot be without {capability}")
        if not reason.strip():
            raise TypeError(f"{cls.__name__} is without {capability}: why?")


def _is_test(name: str, value: object) -> bool:
    return name.startswith("test_") and callable(value)


def _is_left_out(cls: type[Contract], name: str, test: _AnyTest) -> bool:
    if name == _REFUSAL:
        return not cls.without
    return getattr(test, _NEEDS, None) in cls.without
