"""Opening ONNX graphs so that one tower takes no more of the machine than it was given."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from museion.base.errors import Damaged, InvalidInput
from museion.models.checkpoint import Checkpoint


class UnusableGraph(Damaged):
    """A graph cannot be run by the runtime that is installed."""

    def __init__(self, path: Path, reason: Exception) -> None:
        said = " ".join(str(reason).split())[:300]
        super().__init__(
            f"The graph {path} cannot be opened: {said}.",
            remedy="Export it anew, or take another variant of the model.",
        )


def open_graph(path: Path, *, threads: int) -> ort.InferenceSession:
    """Open a graph for the processor.

    Args:
        path: of the graph; files of weights that it names lie beside it.
        threads: processor threads that one run may use, at least 1.

    Raises:
        UnusableGraph: the runtime refuses it.
    """
    if threads < 1:
        raise InvalidInput(f"A tower needs at least 1 thread, but {threads} were given.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would steal the core from decoding between two pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as reason:  # the runtime's own errors share no base class
        raise UnusableGraph(path, reason) from reason


def open_checked(
    checkpoint: Checkpoint, files: tuple[str, ...], *, threads: int
) -> ort.InferenceSession:
    """Open a graph of a checkpoint after checking it, and the files that it names, by digest."""
    places = [checkpoint.file(name) for name in files]
    return open_graph(places[0], threads=threads)
