"""`museion models`: the encoders that a site knows, which one it searches with, and others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import human_size, json_option, print_json, site_option
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.archive.model_rows import ModelRow

_USES = {"current": "in use", "coming": "coming", "unused": ""}
_LONGEST_LICENCE = 2000


@click.group("models")
def command() -> None:
    """Choose the encoder that a site searches with; add others from a folder or a hub."""


@command.command("list")
@site_option
@json_option
def list_models(folder: Path, *, as_json: bool) -> None:
    """List the models that the site knows, with their licences."""
    from museion.cli.models_control import list_models as rows_of

    for row in rows_of(folder):
        if as_json:
            print_json(row)
            continue
        use = _USES[row.use]
        progress = f"{row.embedded} of {row.of} embedded"
        size = human_size(row.size_bytes)
        click.echo(f"{row.name:<28} {row.family:<9} {size:>10}  {use:<7} {progress}")
        click.echo(f"    {one_line(row.licence, longest=_LONGEST_LICENCE)}")


@command.command("add")
@click.argument("source")
@click.option("--name", help="Name to know it by; the last part of SOURCE if left out.")
@click.option("--variant", help="Variant of its graphs, as `quantized` or `fp16`.")
@click.option("--revision", default="main", show_default=True, help="State on the hub.")
@click.option("--hub", default="https://huggingface.co", show_default=True, help="The hub.")
@click.option("--accept-licence", is_flag=True, help="Accept its licence without being asked.")
@site_option
@json_option
def add(
    source: str,
    name: str | None,
    variant: str | None,
    revision: str,
    hub: str,
    *,
    accept_licence: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Add a dual encoder from SOURCE: a folder, or OWNER/NAME on a hub.

    CLIP, SigLIP and SigLIP 2 are understood, exported to ONNX. Its licence is shown before anything
    large is fetched. A download that stops goes on where it was.
    """
    from museion.models.obtaining import obtain
    from museion.models.registry import Registry
    from museion.node.settings import read_settings
    from museion.node.site_models import models_folder

    read_settings(folder)
    added = obtain(
        Registry(models_folder(folder)),
        source,
        accept=lambda licence: _accepts(source, licence, accept_licence),
        name=name,
        variant=variant,
        revision=revision,
        hub=hub,
        on_step=_step,
    )
    if as_json:
        print_json({"name": added.name, "space": added.space.id, "licence": added.licence})
        return
    click.echo(f"Added {added.name}. Search with it: museion models use {added.name}")


@command.command("use")
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Let the server go on alone.")
@site_option
@json_option
def use(name: str, *, no_wait: bool, folder: Path, as_json: bool) -> None:
    """Search with the model NAME from when every picture was seen by it.

    The present model is searched meanwhile. What is interrupted goes on with the same command, or
    when the site is served.
    """
    from museion.cli.models_control import use_model

    row = use_model(folder, name, wait=not no_wait, seen=_progress)
    if as_json:
        print_json(row)
    elif row.use == "current":
        click.echo(f"{row.name} is in use.")
    else:
        click.echo(f"{row.name} is coming: {row.embedded} of {row.of} embedded.")


@command.command("bench")
@click.argument("name")
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, show_default=True)
@click.option(
    "--captioned",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="List NAME.jsonl beside its photos (NAME.tar or a folder NAME), to measure recall.",
)
@site_option
@json_option
def bench(
    name: str,
    *,
    threads: int,
    seconds: float,
    captioned: Path | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Measure how many pictures and texts a second the model NAME takes on this machine."""
    from museion.models.benching import bench as measure
    from museion.models.registry import Registry
    from museion.node.site_models import models_folder

    checkpoint = Registry(models_folder(folder)).find(name)
    figures = measure(checkpoint, seconds=seconds, threads=threads, captioned=captioned)
    if as_json:
        print_json(figures)
        return
    click.echo(f"pictures a second  {figures.images_per_s}")
    click.echo(f"texts a second     {figures.texts_per_s}")
    click.echo(f"one text, ms       {figures.text_ms}")
    for way, shares in (
        ("text to picture", figures.text_to_image),
        ("picture to text", figures.image_to_text),
    ):
        if shares is not None:
            said = " / ".join(map(str, shares))
            click.echo(f"{way}    found among the first 1 / 5 / 10: {said} % ({figures.photos})")


@command.command("remove")
@click.argument("name")
@site_option
def remove(name: str, folder: Path) -> None:
    """Remove the model NAME from the site, or only its index where it came with the package."""
    from museion.cli.models_control import remove_model

    remove_model(folder, name)
    click.echo(f"Removed {name}.")


def _accepts(source: str, licence: str, is_accepted: bool) -> bool:
    shown = one_line(licence, longest=_LONGEST_LICENCE)
    click.echo(f"Licence of {source}: {shown}", err=True)
    if is_accepted or not sys.stdin.isatty():
        return is_accepted
    return click.confirm("Do you accept it?", err=True)


def _step(file: str, here: int, whole: int | None) -> None:
    if sys.stderr.isatty():
        of = f" of {human_size(whole)}" if whole else ""
        click.echo(f"\r{file}: {human_size(here)}{of}    ", nl=here == whole, err=True)


def _progress(row: ModelRow) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{row.embedded} of {row.of} embedded", nl=False, err=True)
