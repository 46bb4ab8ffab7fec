"""The lines between sites: slow, lossy, doubled, overtaken, cut on one side or on both.

A request and its answer travel as bytes, so that nothing is shared by reference. The effect of a
request and the loss of its answer are two things: whoever hears nothing does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from museion.base.codec import decode, encode
from museion.base.errors import MuseionError
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import (
    RefusalMessage,
    Refused,
    Unreachable,
    refusal_of,
)
from museion.log.replication.service import EndpointService
from museion.testing.simulation.life import Life, PowerLost
from museion.testing.simulation.trace import Trace

A = TypeVar("A", EndpointInfo, ReadAnswer, OfferTaken, RecoveryAnswer)

_TIMEOUT_S = 10.0
_FOREVER_S = 1e6


@dataclass(frozen=True, slots=True)
class LineRates:
    """How lines behave; rates are from 0 to 1.

    Attributes:
        mean_delay_s: of one message, one way; the delay itself is different each time.
        lost: rate of messages that do not arrive, for requests and for answers.
        doubled: rate of requests that arrive twice, the second time later.
        stuck: rate of messages that take twenty times as long, so that others overtake them.
    """

    mean_delay_s: float = 0.02
    lost: float = 0.0
    doubled: float = 0.0
    stuck: float = 0.0


class Door(Protocol):
    """What the network needs of a site."""

    @property
    def life(self) -> Life | None:
        """The program that runs there, None while none does."""

    @property
    def service(self) -> EndpointService | None:
        """What answers there, None while nothing does."""


class NetworkObserver(Protocol):
    """Who sees what leaves a site; raises where it must not."""

    def left(self, source: str, target: str, answer: ReadAnswer) -> None:
        """Events leave one site for another."""


class SimulatedNetwork:
    """All lines of a world.

    Attributes:
        rates: of all lines; may be changed at any time.
    """

    def __init__(self, chance: Random, trace: Trace, observer: NetworkObserver) -> None:
        self._chance = chance
        self._trace = trace
        self._observer = observer
        self._doors: dict[str, Door] = {}
        self._cuts: set[tuple[str, str]] = set()
        self.rates = LineRates()

    def add(self, site_id: str, door: Door) -> None:
        """Let a site be reached."""
        self._doors[site_id] = door

    def cut(self, sender: str, receiver: str) -> None:
        """Let nothing come from one site to another any more; the other way stays as it is."""
        self._cuts.add((sender, receiver))
        self._trace(sender, f"cut to {receiver}")

    def heal(self, sender: str | None = None, receiver: str | None = None) -> None:
        """Repair the line from one site to another, or all lines."""
        if sender is None or receiver is None:
            self._cuts.clear()
        else:
            self._cuts.discard((sender, receiver))
        self._trace(sender or "all", f"healed to {receiver or 'all'}")

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Tell whether nothing comes from one site to another."""
        return (sender, receiver) in self._cuts

    def neighbour(self, caller: Life, remote_id: str) -> SimulatedNeighbour:
        """Return the door of a site, as another site's program sees it."""
        return SimulatedNeighbour(self, caller, remote_id)

    async def travel(self, sender: str, receiver: str, what: str) -> None:
        """Bring a message from one site to another; never ends where it is lost."""
        rates = self.rates
        lost = self._chance.random() < rates.lost
        await asyncio.sleep(self._delay_s(rates))
        # Looked at when it would arrive: a cut loses what is on the way.
        if lost or self.is_cut(sender, receiver):
            self._trace(sender, f"{what} to {receiver} is lost")
            await asyncio.sleep(_FOREVER_S)

    async def serve(self, caller_id: str, remote_id: str, kind: str, content: bytes) -> bytes:
        """Let a site answer a request, and return the bytes of its answer, or of its refusal."""
        door = self._doors.get(remote_id)
        life, service = (door.life, door.service) if door is not None else (None, None)
        if life is None or service is None or not life.is_alive:
            raise Unreachable(remote_id, "nobody listens there")
        served = life.spawn(self._answer(service, caller_id, kind, content))
        if self._chance.random() < self.rates.doubled:
            life.spawn(self._double(service, caller_id, kind, content))
        try:
            await asyncio.wait([served])
        finally:
            if not served.done():
                served.add_done_callback(_retrieve)
        if served.cancelled() or not life.is_alive:
            raise Unreachable(remote_id, "the connection broke")
        return served.result()

    async def _double(
        self, service: EndpointService, caller_id: str, kind: str, content: bytes
    ) -> None:
        await asyncio.sleep(self._delay_s(self.rates) * 3)
        self._trace(caller_id, f"{kind} arrives a second time at {service.endpoint_id}")
        await self._answer(service, caller_id, kind, content)

    async def _answer(
        self, service: EndpointService, caller_id: str, kind: str, content: bytes
    ) -> bytes:
        request = decode(content, _REQUESTS[kind])
        try:
            answer = await _CALLS[kind](service, caller_id, request)
        except Refused as reason:
            self._trace(service.endpoint_id, f"refuses {kind} of {caller_id}: {reason.code}")
            message = RefusalMessage(reason.code, reason.message, reason.remedy)
            return b"!" + encode(message)
        except (MuseionError, PowerLost) as reason:
            return b"?" + str(reason).encode()
        if isinstance(answer, ReadAnswer):
            self._observer.left(service.endpoint_id, caller_id, answer)
        elif isinstance(request, Offer) and request.answer is not None:
            self._trace(service.endpoint_id, f"took an offer of {caller_id}")
        return b"=" + encode(answer)

    def _delay_s(self, rates: LineRates) -> float:
        delay_s = rates.mean_delay_s * self._chance.uniform(0.2, 1.8)
        return delay_s * 20 if self._chance.random() < rates.stuck else delay_s


class SimulatedNeighbour:
    """Implements `Neighbour` over a simulated network."""

    def __init__(self, network: SimulatedNetwork, caller: Life, remote_id: str) -> None:
        self._network = network
        self._caller = caller
        self._remote_id = remote_id

    async def info(self, request: InfoRequest) -> EndpointInfo:
        """Return who the remote endpoint is."""
        return await self._ask("info", request, EndpointInfo, _TIMEOUT_S)

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log, or hold on until there are some."""
        return await self._ask("read", request, ReadAnswer, _TIMEOUT_S + request.wait_s)

    async def offer(self, offer: Offer) -> OfferTaken:
        """Bring events to an endpoint that cannot come and fetch them."""
        if offer.answer is not None:
            self._network._observer.left(self._caller.site, self._remote_id, offer.answer)
        return await self._ask("offer", offer, OfferTaken, _TIMEOUT_S)

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        """Let the remote endpoint set back what it believes to know of this one."""
        return await self._ask("recover", request, RecoveryAnswer, _TIMEOUT_S)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _ask(self, kind: str, request: object, answer: type[A], limit_s: float) -> A:
        network, here, there = self._network, self._caller.site, self._remote_id
        if not self._caller.is_alive:
            raise Unreachable(there, "the machine is off")
        content = encode(request)
        try:
            async with asyncio.timeout(limit_s):
                await network.travel(here, there, kind)
                said = await network.serve(here, there, kind, content)
                await network.travel(there, here, f"answer to {kind}")
        except TimeoutError:
            raise Unreachable(there, "no answer in time") from None
        if said[:1] == b"!":
            raise refusal_of(decode(said[1:], RefusalMessage))
        if said[:1] == b"?":
            raise Unreachable(there, said[1:].decode())
        return decode(said[1:], answer)


def _retrieve(task: asyncio.Task[bytes]) -> None:
    if not task.cancelled():
        task.exception()  # nobody waits for it any more


_REQUESTS: dict[str, Any] = {
    "info": InfoRequest,
    "read": ReadRequest,
    "offer": Offer,
    "recover": RecoveryRequest,
}

_CALLS: dict[str, Callable[[EndpointService, str, Any], Coroutine[Any, Any, Any]]] = {
    "info": EndpointService.info,
    "read": EndpointService.read,
    "offer": EndpointService.offer,
    "recover": EndpointService.recover,
}
