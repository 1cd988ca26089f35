"""Stories: played from a seed, replayed, shortened and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeAlias, assert_never

from healthpay_core.domain import Command
from healthpay_core.outcome import CommandRequest
from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.generator import Generator
from healthpay_core.testing.simulation.ledger import Violation
from healthpay_core.testing.simulation.names import Names
from healthpay_core.testing.simulation.process import MakeHandler, make_handler
from healthpay_core.testing.simulation.setting import policy_of, slips_of, start_of
from healthpay_core.testing.simulation.shrinking import Shrinker
from healthpay_core.testing.simulation.steps import (
    Deliver,
    Fault,
    Jump,
    LoseSnapshots,
    Restart,
    Resume,
    RunSaga,
    Send,
    Step,
    Sweep,
)
from healthpay_core.testing.simulation.stores import MemoryStorage, Storage
from healthpay_core.testing.simulation.world import World

MakeStorage: TypeAlias = Callable[[], Storage]

LENGTH: Final = 300


@dataclass(slots=True)
class Failure:
    """A story that broke a rule: its seed plays it again, its steps tell it."""

    seed: int
    steps: tuple[Step, ...]
    violation: Violation
    names: Names

    @property
    def rule(self) -> str:
        """What was broken."""
        return self.violation.rule

    def told(self) -> str:
        """The story, a line a step."""
        lines = [f"seed {self.seed}: {self.violation}"]
        lines += [f"{n:>4}. {_tell(step)}" for n, step in enumerate(self.steps, 1)]
        return self.names.named("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Simulation:
    """Where stories are played.

    Args:
        storage: Makes the storage of one story; in memory, if not said.
        make: Makes its handlers.
        length: Steps of a story.
    """

    storage: MakeStorage = MemoryStorage
    make: MakeHandler = make_handler
    length: int = LENGTH

    def play(self, seed: int, coverage: Coverage | None = None) -> Failure | None:
        """Play the story of a seed; what was reached is added to `coverage`."""
        world = self._world(seed)
        generator = Generator(seed, world)
        steps: list[Step] = []
        try:
            for _ in range(self.length):
                steps.append(generator.next())
                _guarded(world.play, steps[-1])
            _guarded(_rest, world)
        except Violation as violation:
            return Failure(seed, tuple(steps), violation, generator.names)
        finally:
            world.close()
            if coverage is not None:
                coverage.add(world.coverage)
        return None

    def replay(self, seed: int, steps: Sequence[Step]) -> Violation | None:
        """Play given steps in the world of a seed."""
        world = self._world(seed)
        try:
            for step in steps:
                _guarded(world.play, step)
            _guarded(World.check, world)
            _guarded(_rest, world)
        except Violation as violation:
            return violation
        finally:
            world.close()
        return None

    def shrink(self, failure: Failure) -> Failure:
        """Leave out and simplify steps for as long as the same rule is broken."""

        def play(steps: Sequence[Step]) -> Violation | None:
            return self.replay(failure.seed, steps)

        shrinker = Shrinker(play, failure.steps, failure.violation)
        shrinker.shrink()
        steps = tuple(shrinker.steps)
        return Failure(failure.seed, steps, shrinker.violation, failure.names)

    def _world(self, seed: int) -> World:
        return World(
            self.storage(),
            policy=policy_of(seed),
            start=start_of(seed),
            make=self.make,
            slips=slips_of(seed),
        )


def _rest(world: World) -> None:
    world.rest()


def _guarded(play: Callable[..., None], *arguments: object) -> None:
    """Whatever raises is a violation too."""
    try:
        play(*arguments)
    except Violation:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise Violation("nothing raises", text) from error


def _tell(step: Step) -> str:
    match step:
        case Send():
            asked = "; ".join(_request(request) for request in step.requests)
            return f"handler {step.handler}: {asked}{_fault(step.fault)}"
        case RunSaga():
            after = _fault(step.fault)
            if step.stops_after is not None:
                after += f" -- stops after {step.stops_after} steps"
            return f"handler {step.handler}: saga of {_request(step.request)}{after}"
        case Resume():
            return f"handler {step.handler} resumes its sagas{_fault(step.fault)}"
        case Sweep():
            return f"handler {step.handler} sweeps{_fault(step.fault)}"
        case Jump():
            return f"the clock moves by {step.by_us / 1_000_000:,.6f} s"
        case Restart():
            return f"handler {step.handler} restarts"
        case LoseSnapshots():
            return "snapshots are " + ("stale" if step.stale else "lost")
        case Deliver():
            return "the feed is delivered"
    assert_never(step)


def _fault(fault: Fault | None) -> str:
    if fault is None:
        return ""
    at = f" at append {fault.nth}" if fault.nth > 1 else ""
    first = "" if fault.meanwhile is None else f": {_request(fault.meanwhile)}"
    return f" -- {fault.name}{at}{first}"


def _request(request: CommandRequest) -> str:
    version = request.expected_version
    at = "" if version is None else f" at version {version}"
    return f"{_command(request.command)}{at} [{request.command_id}]"


def _command(command: Command) -> str:
    told: list[str] = []
    for field in fields(command):
        value = getattr(command, field.name)
        if value != field.default:
            told.append(f"{field.name}={value}")
    return f"{type(command).__name__}({', '.join(told)})"
