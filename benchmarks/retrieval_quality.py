"""Measure how well words find photos: by meaning, by machine labels, by both; where answers end.

`python benchmarks/retrieval_quality.py` needs captioned photos that training did not see (`--dev
DIR/dev.jsonl`) and says so where they are missing. What was fitted on dev photos was fitted on the
even ones, so the cut-off and what is left out are reported on the odd ones. The last lines are
figures, one JSON object each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from figures import print_figures, print_machine
from retrieval_bench.composed_quality import composed_figures
from retrieval_bench.cut_off_quality import cut_off_figures
from retrieval_bench.dev_split import read_dev
from retrieval_bench.ranking_quality import ranking_figures
from retrieval_bench.without_quality import without_figures

from museion.models.embedded import open_embedded_text_tower

DEV = Path(__file__).parents[2] / "shared" / "data" / "flickr8k" / "dev.jsonl"


def main() -> None:
    """Print tables for people, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", type=Path, default=DEV)
    listing: Path = parser.parse_args().dev
    if not listing.exists():
        print(f"{listing.name} is not there: retrieval quality was NOT measured")
        return
    print_machine(["onnxruntime", "tantivy", "numpy"])
    dev, tower = read_dev(listing), open_embedded_text_tower(threads=2)
    found = ranking_figures(dev, tower)
    found += cut_off_figures(dev, tower)
    found += without_figures(dev, tower)
    found += composed_figures(dev, tower)
    print_figures(found)


if __name__ == "__main__":
    main()
