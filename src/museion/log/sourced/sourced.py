"""What aggregates and views have in common: state that is folded from events, and where it stands.

The state is plain attributes of the class. Only event handlers change them, so that a replay comes
to the same state; commands and queries read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from museion.log.event import Event, EventId
from museion.log.sourced.behaviour import Behaviours
from museion.log.sourced.conditional import LIMIT_S
from museion.log.sourced.definition import ClassOptions, Definition
from museion.log.sourced.refusals import InvalidDefinition, NotInHandler, NotStarted
from museion.log.sourced.state_form import give_own_defaults, own_defaults
from museion.log.vector_time import VectorTime

if TYPE_CHECKING:
    from museion.log.sourced.fold import Fold

__all__ = ["Sourced", "define"]

_FOLD = "_museion_fold"


class Sourced:
    """Base of `Aggregate` and `View`."""

    _is_framework: ClassVar[bool] = True
    _museion_options: ClassVar[ClassOptions] = ClassOptions()
    _museion_defaults: ClassVar[dict[str, object]] = {}

    def __new__(cls, *_args: object, **_named: object) -> Self:
        """Make an instance whose attributes have defaults of their own."""
        instance = super().__new__(cls)
        give_own_defaults(instance, cls._museion_defaults)
        return instance

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        form: int = 1,
        state_sync: bool | None = None,
        every_event: bool | None = None,
        transient: tuple[str, ...] = (),
    ) -> None:
        super().__init_subclass__()
        if form < 1 or isinstance(transient, str):
            raise InvalidDefinition(
                cls.__qualname__, "form >= 1 and a tuple of names as transient", (form, transient)
            )
        inherited = cls._museion_options
        cls._museion_options = ClassOptions(
            # What lasts belongs to one class; how it runs is inherited.
            name=name,
            form=form,
            state_sync=inherited.state_sync if state_sync is None else state_sync,
            every_event=inherited.every_event if every_event is None else every_event,
            transient=inherited.transient | set(transient),
        )
        cls._museion_defaults = own_defaults(cls, _framework_base(cls))

    # What a handler or command may look at

    @property
    def id(self) -> str:
        """The id within its kind."""
        return self._running_fold.id

    @property
    def emitter_id(self) -> str:
        """The id under which it writes events and snapshots; unique over all sites."""
        return self._running_fold.emitter_id

    @property
    def current(self) -> Event:
        """The event whose handler runs: its sequence number, stamp, wall clock, emitter and so on.

        Raises:
            NotInHandler: no event handler runs.
        """
        event = self._running_fold.current
        if event is None:
            raise NotInHandler("`self.current`")
        return event

    @property
    def caused_by(self) -> EventId | None:
        """The event that led to the one whose handler runs. Raises `NotInHandler`."""
        return self.current.cause

    @property
    def recovering(self) -> bool:
        """Whether events are replayed at present."""
        return self._running_fold.recovering

    @property
    def version(self) -> VectorTime:
        """Merge of the stamps of all events handled: a causal token for what is seen here."""
        return self._running_fold.version

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """Return once everything up to a causal token that concerns this one has been handled.

        Give it the stamp of a written event, or the `version` of something that was read, to see
        in what follows whatever was seen there. Requests that are released together go on in their
        order of arrival.

        Args:
            limit_s: seconds to wait at most.

        Raises:
            NotReached: not within the limit.
            LogClosed: the log was closed.
        """
        waits = self._running_fold.waits
        assert waits is not None, "whoever runs a fold gives it its waits"
        await waits.at_least(token, limit_s=limit_s)

    # What a class may override

    def recovered(self, error: Exception | None) -> None:
        """Take note that the recovery is complete, or why it failed. Does nothing by itself."""

    def snapshot_state(self) -> object:
        """Return the state for a snapshot, as something that msgspec encodes.

        By default the declared attributes. Override it together with `restore`.
        """
        return self._running_fold.definition.state_form.take(self)

    # Any: the class that overrides it annotates what its `snapshot_state` returns, and that type
    # is what the snapshot is decoded to.
    def restore(self, state: Any) -> None:
        """Take over a state from a snapshot.

        Raises:
            SnapshotRefused: to have everything replayed instead.
        """
        self._running_fold.definition.state_form.put(self, state)

    # For the framework

    def _become(
        self,
        commands: Behaviours | None,
        events: Behaviours | None,
        snapshots: Behaviours | None,
    ) -> None:
        made = {kind: kind(self) for kind in (commands, events, snapshots) if kind is not None}
        self._running_fold.become(
            commands=None if commands is None else made[commands],
            events=None if events is None else made[events],
            snapshots=None if snapshots is None else made[snapshots],
        )

    def _unbecome(self, commands: bool, events: bool, snapshots: bool) -> None:
        fold = self._running_fold
        everything = not (commands or events or snapshots)
        if commands or everything:
            fold.commands.pop()
        if events or everything:
            fold.events.pop()
        if snapshots or everything:
            fold.snapshots.pop()

    @property
    def _running_fold(self) -> Fold:
        fold = vars(self).get(_FOLD)
        if fold is None:
            raise NotStarted(type(self).__qualname__)
        return fold  # type: ignore[no-any-return]  # set by _attach only

    def _attach(self, fold: Fold) -> None:
        vars(self)[_FOLD] = fold


def define(kind: type[Sourced], framework: type[Sourced] = Sourced) -> Definition:
    """Work out what a class says about itself.

    Args:
        framework: what it has to derive from.

    Raises:
        InvalidDefinition: it does not, or is not written as such a class.
    """
    if not issubclass(kind, framework):
        raise InvalidDefinition(
            kind.__qualname__, f"a class that derives from {framework.__name__}", kind
        )
    return Definition(kind, _framework_base(kind), kind._museion_options)


def _framework_base(kind: type) -> type:
    """Return the class of the framework that a user's class derives from."""
    return next(base for base in kind.__mro__ if "_is_framework" in vars(base))
