"""What clients were told of their operations, and what has to be true at every site after that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from random import Random

from site_messages import Operation, Pay, Put, Result, Step, Take, Values

_SHARED = 8
"""Elements that all sites put and take; which of them are in depends on who saw what."""


class Ledger:
    """Draws operations, and keeps apart which were acknowledged, refused, or of unknown outcome."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._drawn = 0
        self._steps: dict[Result, list[Step]] = {"acknowledged": [], "refused": [], "unknown": []}
        self._puts: dict[str, Result] = {}
        self._takes: dict[str, Result] = {}
        self._payments: dict[str, tuple[Result, int]] = {}
        self._to_take: dict[str, list[str]] = {}
        self.results: Counter[Result] = Counter()
        self.refusals: Counter[str] = Counter()

    def draw(self, site_id: str) -> Operation:
        """Return an operation that some client might want at a site."""
        self._drawn += 1
        kind = self._chance.randrange(6)
        if kind <= 1:
            return Step(("counter", "pure-counter")[kind], self._chance.randint(-2, 5))
        if kind == 2:
            return Pay(f"{site_id}:{self._drawn}", self._chance.randint(-20, 20))
        if kind == 3:
            return self._draw_shared()
        own = self._to_take.get(site_id, [])
        if own and self._chance.random() < 0.4:
            return Take(own.pop(self._chance.randrange(len(own))))
        return Put(f"{site_id}:{self._drawn}")

    def _draw_shared(self) -> Operation:
        element = f"shared {self._chance.randrange(_SHARED)}"
        return Put(element) if self._chance.random() < 0.5 else Take(element)

    def note(self, site_id: str, operation: Operation, result: Result, reason: str) -> None:
        """Take what a client was told."""
        self.results[result] += 1
        if result == "refused":
            self.refusals[reason.partition(":")[0]] += 1
        match operation:
            case Step():
                self._steps[result].append(operation)
            case Pay(reference, amount):
                self._payments[reference] = (result, amount)
            case Put(element) if ":" in element:
                self._puts[element] = result
                if result == "acknowledged":
                    # This site has seen the put; so a take here takes it out.
                    self._to_take.setdefault(site_id, []).append(element)
            case Take(element) if ":" in element:
                self._takes[element] = result

    def require_values(self, values: Mapping[str, Values]) -> None:
        """Fail where a site has not what was acknowledged, or has what was not asked for."""
        for site_id, seen in values.items():
            for name, found in (("counter", seen.counter), ("pure-counter", seen.pure_counter)):
                low, high = self._bounds([s.by for s in self._of(name, "acknowledged")], name)
                assert low <= found <= high, f"{name} at {site_id}: {found}, not {low} to {high}"
            self._require_set(site_id, seen.set)
            payments = [a for result, a in self._payments.values() if result == "acknowledged"]
            unsure = [a for result, a in self._payments.values() if result == "unknown"]
            low, high = _range(payments, unsure)
            assert low <= seen.balance <= high, f"balance at {site_id}: not {low} to {high}"

    def require_payments(self, found: Collection[str]) -> None:
        """Fail unless the payments in a log are each there once, and those that must be are."""
        doubled = [each for each, count in Counter(found).items() if count > 1]
        assert not doubled, f"twice in the log: {doubled[:5]}"
        lost = [each for each in self._with("acknowledged") if each not in found]
        assert not lost, f"acknowledged and lost: {lost[:5]}"
        unwanted = [each for each in self._with("refused") if each in found]
        assert not unwanted, f"refused and yet written: {unwanted[:5]}"

    def __str__(self) -> str:
        refusals = ", ".join(f"{count} {name}" for name, count in sorted(self.refusals.items()))
        return (
            f"{self.results['acknowledged']} operations acknowledged,"
            f" {self.results['refused']} refused ({refusals}),"
            f" {self.results['unknown']} of unknown outcome"
        )

    def _of(self, counter: str, result: Result) -> list[Step]:
        return [step for step in self._steps[result] if step.counter == counter]

    def _bounds(self, sure: list[int], counter: str) -> tuple[int, int]:
        return _range(sure, [step.by for step in self._of(counter, "unknown")])

    def _with(self, wanted: Result) -> list[str]:
        return [each for each, (result, _) in self._payments.items() if result == wanted]

    def _require_set(self, site_id: str, seen: Collection[str]) -> None:
        for element, put in self._puts.items():
            take = self._takes.get(element, "refused")
            if put == "acknowledged" and take == "refused":
                assert element in seen, f"{element} is lost at {site_id}"
            if put == "refused" or take == "acknowledged":
                assert element not in seen, f"{element} should not be at {site_id}"
        unknown = {each for each in seen if ":" in each} - self._puts.keys()
        assert not unknown, f"nobody put {sorted(unknown)[:5]} at {site_id}"


def _range(sure: list[int], unsure: list[int]) -> tuple[int, int]:
    """Return the least and the largest sum, when each unsure one may count or not."""
    low = sum(sure) + sum(each for each in unsure if each < 0)
    return low, sum(sure) + sum(each for each in unsure if each > 0)
