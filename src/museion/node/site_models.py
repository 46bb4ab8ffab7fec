"""Changing the model of a site that is searched: a generation beside the old one, then a switch.

The built-in encoder goes on seeing every picture, whichever is searched: it names what pictures
show, and going back to it costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from museion.archive.catalog.reader import Catalog
from museion.archive.enrichment.embeddings import see_pictures
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.generations import Generation, ModelChoice, write_choice
from museion.archive.indexing import Indexes
from museion.archive.model_rows import ModelRow, model_row, model_rows
from museion.archive.vector_indexing import VectorProjection
from museion.base.errors import Conflict
from museion.log.event_log import EventLog
from museion.log.sourced.processor import ProcessorRunner
from museion.models.checkpoint import Checkpoint
from museion.models.registry import EMBEDDED, Registry, built_in_checkpoint
from museion.models.unrelated import sample_pictures
from museion.node.pipeline import Pipeline, Runner
from museion.node.sites.site_files import read_admin_token
from museion.streams.projection import ProjectionRunner, ProjectionStopped

_LOOK_S = 0.2
_NEARLY = 2048
"""Events that a processor may be behind when it becomes worth while to count what is missing."""
_INDEX_PAUSE_S = 0.2

Seeing = Callable[[Checkpoint], list[ProcessorRunner]]
"""Returns the processors of a checkpoint: the one for pictures, then the one for films."""


class ModelInUse(Conflict):
    """A model cannot be removed while the site uses it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model {name} is in use.", remedy="Change to another first: `museion models use`."
        )


class SiteModels:
    """The models of an open site: which there are, which is searched, and the change to another.

    Args:
        folder: of the site.
        indexes: whose generations are switched.
        fixed: parts of the pipeline that no change of the model touches.
        catalog_runner: one of them.
        seeing: makes the processors of a checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        indexes: Indexes,
        *,
        log: EventLog,
        catalog: Catalog,
        pool: WorkerPool,
        fixed: Sequence[Runner],
        catalog_runner: ProjectionRunner,
        seeing: Seeing,
    ) -> None:
        self._site = folder
        self._indexes = indexes
        self._log = log
        self._catalog = catalog
        self._pool = pool
        self._fixed = fixed
        self._catalog_runner = catalog_runner
        self._seeing = seeing
        self._built_in = built_in_checkpoint(EMBEDDED)
        self._processors: dict[str, list[ProcessorRunner]] = {}
        self._vectors: dict[str, ProjectionRunner] = {}
        self._changing = asyncio.Lock()
        self._begun = asyncio.Event()
        self.registry = Registry(models_folder(folder))
        self.pipeline = Pipeline(log, self._parts(), aside=self._parts_coming())

    @property
    def admin_token(self) -> str:
        """The token for changes over HTTP; empty where there is none yet."""
        return read_admin_token(self._site)

    @property
    def choice(self) -> ModelChoice:
        """What is searched, and what is being built beside it."""
        generations = self._indexes.generations
        coming = generations.coming
        return ModelChoice(
            generations.current.checkpoint.name, coming.checkpoint.name if coming else None
        )

    async def rows(self) -> list[ModelRow]:
        """Return all models that the site can use."""
        return await asyncio.to_thread(model_rows, self.registry, self.choice, self._catalog)

    async def use(self, name: str) -> ModelRow:
        """Begin to search with another model; return how far that has come.

        Its embeddings are computed in the background, beside those that are searched, and then
        searched instead. A change that is interrupted goes on at the next start; another call
        changes the goal.

        Raises:
            UnknownModel: it was never added.
            Damaged, Unavailable: its image tower cannot be run by a worker; nothing was changed.
        """
        async with self._changing:
            checkpoint = await asyncio.to_thread(self.registry.find, name)
            if checkpoint.name != (self.choice.wanted or self.choice.current):
                await self._begin(checkpoint)
        return await asyncio.to_thread(model_row, checkpoint, self.choice, self._catalog)

    async def remove(self, name: str) -> None:
        """Remove a model's files and its index from the site; a built-in one loses the index only.

        Embeddings that were computed stay in the log: when the model is added again, they count.

        Raises:
            UnknownModel: there is none of this name.
            ModelInUse: it is searched, or being changed to.
        """
        async with self._changing:
            checkpoint = await asyncio.to_thread(self.registry.find, name)
            if name in {self.choice.current, self.choice.wanted}:
                raise ModelInUse(name)
            space = checkpoint.space
            self._vectors.pop(space.id, None)
            await asyncio.to_thread(self._indexes.drop, space)
            if not checkpoint.is_built_in:
                await asyncio.to_thread(self.registry.remove, name)

    async def run(self) -> None:
        """Switch to each generation that is complete, until cancelled."""
        if self._indexes.generations.coming is not None:
            self._begun.set()
        while True:
            # Without a limit: nothing is to be done until someone asks for another model.
            await self._begun.wait()
            started = time.monotonic()
            coming = self._indexes.generations.coming
            if coming is not None and await self._is_complete(coming):
                async with self._changing:
                    if coming is self._indexes.generations.coming:
                        await self._switch(coming)
            # Looking takes seconds in a large archive; most of the time shall be for embedding.
            await asyncio.sleep(max(_LOOK_S, 4 * (time.monotonic() - started)))

    async def _begin(self, checkpoint: Checkpoint) -> None:
        generations = self._indexes.generations
        current = generations.current.checkpoint.name
        if checkpoint.name == current:
            generations.give_up()
            self._begun.clear()
        else:
            await self._pool.run(see_pictures, sample_pictures()[:1], checkpoint)
            await asyncio.to_thread(self._indexes.begin, checkpoint, log_end=self._log.sequence_nr)
            self._begun.set()
        await asyncio.to_thread(write_choice, models_folder(self._site), self.choice)
        await self._arrange()

    async def _is_complete(self, coming: Generation) -> bool:
        """Tell whether the coming generation has every asset of this site that the present one has.

        What comes in during the answer is being embedded in both spaces and follows at once.
        """
        end = self._log.sequence_nr
        if any(end - each.position > _NEARLY for each in self._processors_of(coming.checkpoint)):
            return False
        await self._catalog_runner.reached(end)
        current = self._indexes.generation.space.id
        if await asyncio.to_thread(
            self._catalog.embeddings.is_missing,
            coming.space.id,
            beside=current,
            born_at=self._log.log_id,
        ):
            return False
        position = await asyncio.to_thread(self._catalog.position)
        try:
            await self._vectors_of(coming).reached(position)
        except ProjectionStopped:
            # It was used before and is not followed again yet, or another was chosen meanwhile.
            # Were it a defect, the pipeline would have ended, and the site with it.
            return False
        return True

    async def _switch(self, coming: Generation) -> None:
        await asyncio.to_thread(coming.text_tower)  # the first question shall not wait for it
        choice = ModelChoice(coming.checkpoint.name)
        await asyncio.to_thread(write_choice, models_folder(self._site), choice)
        self._indexes.generations.switch()
        self._begun.clear()
        await self._arrange()

    async def _arrange(self) -> None:
        await self.pipeline.arrange(self._parts(), aside=self._parts_coming())

    def _parts(self) -> list[Runner]:
        """Return the parts without which the archive is not complete."""
        current = self._parts_of(self._indexes.generation)
        pictures = self._processors_of(self._built_in)[0]
        always = [] if any(each is pictures for each in current) else [pictures]
        return [*self._fixed, *always, *current]

    def _parts_coming(self) -> list[Runner]:
        coming = self._indexes.generations.coming
        taken = {each.name for each in self._parts()}
        parts = [] if coming is None else self._parts_of(coming)
        return [each for each in parts if each.name not in taken]

    def _parts_of(self, generation: Generation) -> list[Runner]:
        return [*self._processors_of(generation.checkpoint), self._vectors_of(generation)]

    def _processors_of(self, checkpoint: Checkpoint) -> list[ProcessorRunner]:
        space_id = checkpoint.space.id
        if space_id not in self._processors:
            self._processors[space_id] = self._seeing(checkpoint)
        return self._processors[space_id]

    def _vectors_of(self, generation: Generation) -> ProjectionRunner:
        space_id = generation.space.id
        if space_id not in self._vectors:
            self._vectors[space_id] = ProjectionRunner(
                self._log,
                VectorProjection(generation, self._catalog),
                pause_s=_INDEX_PAUSE_S,
                behind=self._catalog_runner,
            )
        return self._vectors[space_id]


def models_folder(site: Path) -> Path:
    """Return where a site keeps added models, and the note which of all is used."""
    return site / "models"
