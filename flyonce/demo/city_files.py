"""The demo city's configuration: the default departments, with one office for each of its towns."""

from __future__ import annotations

from pathlib import Path

from dispatch_api.configuration import default_file
from flyonce.demo.district import District

# Keys and English names by town code; the Chinese names are the district's.
_TOWN_OFFICES = {
    "339901001": ("town_west", "Xiyan town (demo)"),
    "339901002": ("town_east", "Dongyan subdistrict (demo)"),
}


def write_departments(path: Path, district: District) -> None:
    """Writes the departments file: a case in a town goes to its own office, one on the border to both."""
    lines = [default_file("departments.yaml").read_text(encoding="utf-8").rstrip(), "  # the demo's towns"]
    for code, name, _ in district.towns:
        key, english = _TOWN_OFFICES[code]
        lines.append(
            f'  - {{key: {key}, stands_for: town, districts: ["{code}"], name: {{zh: {name}, en: {english}}}}}'
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
