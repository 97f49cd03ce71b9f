"""The queue of the notebook's long work: one piece at a time in each lane, shared by all who ask for the same.

Work is a generator of news. It runs in a thread of its own, waits for its turn, and ends at its next step where nobody
watches any more. A visitor has one piece of work of each kind: asking for another ends the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

TOLD = 0.25  # seconds between two pieces of news
LONG, SHORT = "long", "short"  # lanes: what takes minutes never holds up what takes a second
OWN = ""  # a lane for each piece of work: it waits for nothing but what it asks for itself
ONE_AT_A_TIME = "This machine does one such thing at a time."

News = Mapping[str, Any]
Work = Callable[["Run"], Generator["News | None", None, None]]  # None: nothing to tell, only asks whether to go on


class Run:
    """Work in a thread of its own that waits for its turn.

    key: of equal work. kind: what sort it is, such as "search" or a cell's name. lane: whom it waits for.
    """

    def __init__(self, queue: Queue, key: object, make: Work, kind: str, lane: str):
        self.queue, self.key, self.make, self.kind, self.lane = queue, key, make, kind, lane
        self.news: News | None = None
        self.error: Exception | None = None
        self.visitors: set[str] = set()
        self.stopped = self.ended = False

    def abandoned(self) -> bool:
        return not self.visitors

    def to_end(self) -> bool:
        return self.stopped or self.abandoned()

    def first(self) -> bool:
        return next(run for run in self.queue.line if run.lane == self.lane) is self

    def tell(self, news: News) -> None:
        """For whoever watches; work that cannot yield meanwhile calls it, such as a download."""
        with self.queue.changed:
            self.news = news
            self.queue.changed.notify_all()

    def work(self) -> None:
        try:
            with self.queue.changed:
                self.queue.changed.wait_for(lambda: self.first() or self.to_end())
            if not self.to_end():
                with closing(self.make(self)) as steps:
                    for news in steps:
                        if news is not None:
                            self.tell(news)
                        if self.to_end():
                            break
        except Exception as error:  # handed to whoever watches
            self.error = error
        finally:
            with self.queue.changed:
                self.ended = True
                self.queue.line.remove(self)
                self.queue.changed.notify_all()


class Queue:
    """Work in order of arrival, the first of each lane at work."""

    def __init__(self) -> None:
        self.line: list[Run] = []
        self.changed = threading.Condition()

    def join(self, key: object, make: Work, visitor: str, kind: str, lane: str = LONG) -> Run:
        """The run of that key, begun where there is none; what the visitor had of the same kind ends."""
        with self.changed:
            for other in self.line:
                if other.key != key and other.kind == kind:
                    other.visitors.discard(visitor)
            run = next((one for one in self.line if one.key == key and not (one.ended or one.stopped)), None)
            if run is None:
                run = Run(self, key, make, kind, lane or str(key))
                self.line.append(run)
                threading.Thread(target=run.work, daemon=True).start()
            run.visitors.add(visitor)
            self.changed.notify_all()
        return run

    def ahead_of(self, run: Run, visitor: str, why: str) -> News | None:
        """place: how many runs of others go before it; says: that in words, and why. None where it is at work."""
        line = [one for one in self.line if one.lane == run.lane]
        before = line[: line.index(run)] if run in line else []
        if not before:
            return None
        waited_for = [one for one in before if not one.to_end()]  # the rest is ending
        others = sum(visitor not in one.visitors for one in waited_for)
        own = "what you started before goes first" if others < len(waited_for) else ""
        queue = f"{others} other{'s are' if others > 1 else ' is'} ahead of you" if others else ""
        says = " and ".join(filter(None, (own, queue))) or "your turn comes in a moment"
        return dict(place=others, says=f"{says[:1].upper()}{says[1:]}. {why}")

    def watch(
        self, key: object, make: Work, visitor: str, kind: str, lane: str = LONG, *, why: str = ONE_AT_A_TIME
    ) -> Iterator[News]:
        """News of a run, or the visitor's place in the queue (`ahead_of`); ends with the run, or when the visitor stops
        it or leaves. Last of all `gone` where it goes on for others.

        why: said to whoever waits. Raises what the run raised.
        """
        run, last = self.join(key, make, visitor, kind, lane), None
        try:
            while not run.ended and visitor in run.visitors:
                with self.changed:
                    self.changed.wait_for(
                        lambda seen=last: run.ended or run.news is not seen or visitor not in run.visitors, TOLD
                    )
                    place = self.ahead_of(run, visitor, why)
                if place and run.news is None:
                    yield place
                elif run.news is not last:
                    last = run.news
                    yield last
            if run.error:
                raise run.error
            if not run.ended:
                yield dict(gone=True)
            elif run.news is not last:
                yield run.news
        finally:
            self.leave(visitor, run)

    def pieces(self, key: object, make: Work, visitor: str, kind: str, lane: str = LONG) -> Iterator[News]:
        """What a part of the page shows of a run: `partial` while it goes on, and last whether it `ended` early.

        Raises what the run raised.
        """
        last: News = {}
        for news in self.watch(key, make, visitor, kind, lane):
            if "gone" not in news:
                last = news
                yield dict(last, partial=True)
        yield dict(last, partial=False, ended=bool(last.get("partial", not last or "place" in last)))

    def leave(self, visitor: str, run: Run | None = None) -> None:
        """The visitor does not watch any more (None: nothing at all); what nobody watches ends at its next step."""
        with self.changed:
            for one in self.line if run is None else [run]:
                one.visitors.discard(visitor)
            self.changed.notify_all()

    def stop(self, visitor: str, kind: str) -> None:
        """What the visitor alone watches of that kind ends; what others watch too goes on for them."""
        with self.changed:
            for run in self.line:
                if visitor in run.visitors and run.kind == kind:
                    if run.visitors == {visitor}:
                        run.stopped = True
                    else:
                        run.visitors.discard(visitor)
            self.changed.notify_all()


QUEUE = Queue()
