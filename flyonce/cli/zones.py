"""`flyonce zones`: a city's own layers into a zones file, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import EXIT_BAD_INPUT, emit_json, fail, progress, say, stdout
from flyonce.cli.zones_at import at
from geo.zones.checks import with_checks
from geo.zones.importing import import_file
from geo.zones.layer_map import LayerRule, load_layer_map
from geo.zones.layers import SUFFIXES
from geo.zones.report import ImportedLayer, Remark
from geo.zones.writing import WRITTEN_SUFFIXES, write_zones
from vision.detections import LABELS

_SHOWN_REMARKS = 20

app = typer.Typer(
    name="zones",
    help="A city's own layers: districts, grids, water, roads, notices.",
    rich_markup_mode=None,
)

Files = Annotated[
    list[Path], typer.Argument(help="GeoPackage, Shapefile, KML, GeoJSON…, or folders of them.", metavar="FILE...")
]
MapOption = Annotated[
    Path | None, typer.Option("--map", help="YAML: which layer is which kind, which field is what; see docs/zones.md.")
]
CrsOption = Annotated[
    str | None, typer.Option("--crs", help="Of layers that do not declare one: EPSG:4549, GCJ-02, BD-09, …")
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="Of texts in Shapefiles that do not tell it, like GBK.")
]


app.command()(at)


@app.callback()
def group() -> None:
    """A city's own layers: districts, grids, water, roads, notices."""


@app.command("import")
def import_layers(
    files: Files,
    out: Annotated[list[Path], typer.Option(help="File to write, .geojson or .gpkg; may be given twice.")],
    map_file: MapOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    as_json: AsJson = False,
) -> None:
    """Write a city's own layers as one zones file for `flyonce analyze --zones`.

    Everything is brought to WGS 84, invalid areas are mended, and what was mended, refused or looks wrong is listed
    with file, layer and feature number. A file or layer that cannot be used at all, like one without a coordinate
    system, stops the import, and nothing is written. Single features that cannot be used are left out; then the
    exit code is 2.
    """
    for path in out:
        if path.suffix.lower() not in WRITTEN_SUFFIXES:
            fail(f"--out {path}: end its name with one of {', '.join(WRITTEN_SUFFIXES)}")
        if not path.parent.is_dir():
            fail(f"--out {path}: there is no folder {path.parent}; make it, or name another")
    layers = _imported(files, map_file, crs, encoding)
    zones = [zone for layer in layers for zone in layer.zones]
    if not zones:
        _tell(layers)
        fail("no zone is left to write; correct what is listed above")
    with progress("writing", total=len(out)) as ticker:
        for path in out:
            write_zones(path, zones)
            ticker.advance()
    _end(layers, as_json=as_json, written=out)


@app.command()
def check(
    files: Files,
    map_file: MapOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    as_json: AsJson = False,
) -> None:
    """List what an import would take, mend and refuse, and write nothing; exit code 2 if anything is refused."""
    _end(_imported(files, map_file, crs, encoding), as_json=as_json, written=())


def _imported(
    files: Sequence[Path], map_file: Path | None, crs: str | None, encoding: str | None
) -> list[ImportedLayer]:
    rules: tuple[LayerRule, ...] | None = None if map_file is None else load_layer_map(map_file)
    layers: list[ImportedLayer] = []
    with progress("reading") as ticker:
        for path in _expanded(files, rules):
            ticker.describe(path.name)
            layers += import_file(path, rules, crs=crs, encoding=encoding, on_feature=ticker.advance)
        ticker.describe("checking")
        return with_checks(layers, date.today(), known_labels=LABELS)


def _expanded(files: Iterable[Path], rules: Sequence[LayerRule] | None) -> list[Path]:
    """The files, and those in the folders that the map has a rule for."""
    found: list[Path] = []
    for path in files:
        # A file geodatabase is a folder that GDAL reads as one file.
        if not path.is_dir() or path.suffix.lower() == ".gdb":
            found.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
        if not inside:
            fail(f"{path}: no layer is in this folder; name files that end with {', '.join(SUFFIXES)}")
        wanted = [one for one in inside if rules is None or any(rule.is_for_file(one) for rule in rules)]
        found += wanted
        for one in inside:
            if one not in wanted:
                say(f"{one}: passed over, the map has no rule for a file of this name")
    return found


def _end(layers: Sequence[ImportedLayer], *, as_json: bool, written: Sequence[Path]) -> None:
    if as_json:
        emit_json(_as_json(layers, written))
    else:
        _tell(layers)
    for path in written:
        say(f"{path}: {sum(len(layer.zones) for layer in layers)} zones written")
    if any(layer.report.refused for layer in layers):
        raise typer.Exit(EXIT_BAD_INPUT)


def _as_json(layers: Sequence[ImportedLayer], written: Sequence[Path]) -> dict[str, Any]:
    return {
        "zones": sum(len(layer.zones) for layer in layers),
        "written": [str(path) for path in written],
        "layers": [asdict(layer.report) for layer in layers],
    }


def _tell(layers: Sequence[ImportedLayer]) -> None:
    for layer in layers:
        report = layer.report
        taken = ", ".join(f"{count} {kind}" for kind, count in report.taken.items()) or "nothing taken"
        left = f", {report.left_out} left out by the map" if report.left_out else ""
        crs = f", {report.crs}" if report.crs else ""
        stdout.print(f"{report.file}, {report.layer}: {report.features} features{crs}: {taken}{left}", markup=False)
        for remark in report.remarks:
            stdout.print(f"  note: {remark}", markup=False)
        for word, remarks in (("mended", report.mended), ("refused", report.refused), ("look at", report.told)):
            _list(word, remarks)


def _list(word: str, remarks: Sequence[Remark]) -> None:
    for remark in remarks[:_SHOWN_REMARKS]:
        code = f" ({remark.code})" if remark.code else ""
        remedy = f". {remark.remedy}" if remark.remedy else ""
        stdout.print(f"  {word}: feature {remark.feature}{code}: {remark.problem}{remedy}", markup=False)
    if len(remarks) > _SHOWN_REMARKS:
        stdout.print(f"  {word}: {len(remarks) - _SHOWN_REMARKS} more; --json lists all", markup=False)
