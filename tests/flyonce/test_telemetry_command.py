"""`flyonce telemetry`: every family told by its content, the summary, the table, and what it refuses."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from typer.testing import CliRunner

from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import app
from geo.telemetry.poses_csv import read_poses_csv
from tests.geo.telemetry_builders import AIRDATA, EXIFTOOL, klv_pose, mrk_line, position, tlog
from tests.vision.films import steady, write_film

COLUMNS = ["lon", "lat", "alt_m", "alt_datum", "heading_deg", "pitch_deg", "roll_deg"]


def run(*arguments: object) -> dict:
    """The command's one JSON object."""
    done = CliRunner().invoke(app, ["telemetry", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: object) -> str:
    """What the command said in refusing."""
    done = CliRunner().invoke(app, ["telemetry", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert exit_code_for(done.exception) == 2, done.exception
        return str(done.exception)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Shared file, family, poses, first column of the table, altitudes, angles.
REAL = [
    ("dji_srt/juan_MAVIC3.srt", "dji_srt", 12318, "time_s", True, False),
    ("dji_srt/juan_air2s.srt", "dji_srt", 17, "time_s", True, False),
    ("dji_srt/juan_broken_incomplete.SRT", "dji_srt", 19, "time_s", True, False),
    ("dji_srt/juan_matrice_300.srt", "dji_srt", 381, "time_s", True, False),
    ("dji_srt/juan_mavic_2_style.SRT", "dji_srt", 463, "time_s", False, False),
    ("dji_srt/juan_mavic_2pro_new.SRT", "dji_srt", 8952, "time_s", False, False),
    ("dji_srt/juan_mavic_mini.SRT", "dji_srt", 117, "time_s", True, False),
    ("dji_srt/juan_mavic_pro.SRT", "dji_srt", 468, "time_s", True, False),
    ("dji_srt/juan_old_format.SRT", "dji_srt", 468, "time_s", True, False),
    ("dji_srt/juan_p4_rtk.SRT", "dji_srt", 55, "time_s", True, True),
    ("dji_srt/juan_p4p_sample.SRT", "dji_srt", 5, "time_s", True, False),
    ("dji_srt/marcus_Mini5PRO.SRT", "dji_srt", 5, "time_s", True, False),
    ("dji_srt/marcus_air3.SRT", "dji_srt", 2, "time_s", True, False),
    ("dji_srt/marcus_air3S.SRT", "dji_srt", 5, "time_s", True, False),
    ("dji_srt/marcus_avata2.SRT", "dji_srt", 2, "time_s", True, False),
    ("dji_srt/marcus_mini4pro.SRT", "dji_srt", 2, "time_s", True, False),
    ("dji_srt/marcus_neo2.SRT", "dji_srt", 5, "time_s", True, False),
    ("misb_klv/Cheyenne.bin", "klv", 407, "time_utc", True, True),
    ("mavlink/cuav_tests_flight.tlog", "tlog", 1098, "time_utc", True, False),
    ("exif_csv/agung2_image_metadata.csv", "exiftool", 1817, "time_s", True, True),
]


@pytest.mark.parametrize(("name", "family", "poses", "clock", "altitudes", "angles"), REAL)
def test_every_real_file_is_read_whatever_its_name_and_its_table_reads_again(
    shared_data, tmp_path, name, family, poses, clock, altitudes, angles
):
    nameless = tmp_path / "DJI_0001.dat"
    shutil.copyfile(shared_data / "telemetry" / name, nameless)
    out = tmp_path / "poses.csv"
    told = run(nameless, "--out", out)
    assert (told["family"], told["used"]) == (family, poses)
    assert told["entries"] == told["used"] + sum(told["dropped"].values())
    rows = rows_of(out)
    assert list(rows[0]) == [clock, *COLUMNS]
    assert len(rows) == poses
    assert all(bool(row["alt_m"]) == altitudes and bool(row["alt_datum"]) == altitudes for row in rows)
    assert any(row["heading_deg"] for row in rows) == angles == any(row["pitch_deg"] for row in rows)
    west, south, east, north = told["bbox"]
    assert all(west - 1e-9 <= float(row["lon"]) <= east + 1e-9 for row in rows)
    assert all(south - 1e-9 <= float(row["lat"]) <= north + 1e-9 for row in rows)
    again = run(out)
    assert (again["family"], again["used"], again["known"]) == ("poses_csv", poses, told["known"])
    assert again["bbox"] == pytest.approx(told["bbox"], abs=1e-9)
    assert again["time"]["span_s"] == pytest.approx(told["time"]["span_s"], abs=1e-5)
    if altitudes:
        assert len(read_poses_csv(out).track.poses) == poses


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dji_srt/juan_broken_empty.SRT", "the file is empty"),
        ("dji_srt/juan_broken_empty2.SRT", "holds no subtitle"),
        ("dji_srt/juan_mavic_air.SRT", "recognised: exposure, clock"),
        ("misb_klv/DynamicConstantMISMMSPacketData.bin", "1 checksum"),
        ("misb_klv/SOURCE.md", "line 1: nothing is recognised in it"),
        ("exif_csv/agung2_aoi.geojson", "tells no place of a photo"),
    ],
)
def test_what_tells_no_place_is_refused_in_a_line_and_nothing_is_written(shared_data, tmp_path, name, words):
    out = tmp_path / "poses.csv"
    told = refused(shared_data / "telemetry" / name, "--out", out)
    assert words in told
    assert Path(name).name in told
    assert list(tmp_path.iterdir()) == []


def test_a_camera_fixed_to_the_aircraft_is_believed_where_the_user_says_so(shared_data, tmp_path):
    log, out = shared_data / "telemetry" / "mavlink" / "cuav_tests_flight.tlog", tmp_path / "poses.csv"
    told = run(log, "--mount", "0,-90,0", "--out", out)
    assert told["dialect"] == "mavlink_fixed_camera"
    assert told["known"]["heading"] == told["known"]["pitch"] > 1050
    assert min(float(row["pitch_deg"]) for row in rows_of(out) if row["pitch_deg"]) < -85
    assert "not HEADING,PITCH,ROLL" in refused(log, "--mount", "down")
    assert "Leave --mount out" in refused(out, "--mount", "0,-90,0")


def test_a_folder_of_photos_is_read_and_those_stored_turned_are_turned_back(shared_data, tmp_path):
    out = tmp_path / "poses.csv"
    told = run(shared_data / "flights" / "brighton_beach_dji" / "images", "--out", out)
    assert (told["family"], told["used"]) == ("photos", 18)
    assert told["flags"]["turned_half_corrected"] == 6
    assert told["known"] == {
        "position": 18,
        "altitude": 18,
        "alt_datum": ["home"],
        "heading": 18,
        "pitch": 18,
        "roll": 18,
    }
    # Their clock's zone is unknown: no UTC is made of it.
    assert told["time"]["clock"] == "local"
    assert next(iter(rows_of(out)[0])) == "time_s"
    assert sorted(abs(float(row["roll_deg"])) for row in rows_of(out))[-6:] == [180.0] * 6


def test_photos_without_angles_have_empty_cells_and_utc_from_their_gps(shared_data, tmp_path):
    out = tmp_path / "poses.csv"
    told = run(shared_data / "flights" / "caliterra_gps" / "images", "--out", out)
    assert told["used"] == 38
    rows = rows_of(out)
    assert rows[0]["time_utc"] == "2014-10-19T18:20:51.000000Z"
    assert {row["heading_deg"] + row["pitch_deg"] + row["roll_deg"] for row in rows} == {""}
    assert {row["alt_datum"] for row in rows} == {"msl"}


def test_a_zone_that_the_user_knows_makes_utc_of_a_local_clock(tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "poses.csv"
    path.write_text(EXIFTOOL + "a.JPG,2026:07:01 10:00:00,30.25,120.15,60,10,-80,0\n")
    for zone in ("Asia/Shanghai", "+08:00"):
        told = run(path, "--zone", zone, "--out", out)
        assert told["time"]["began_at"] == "2026-07-01T02:00:00+00:00"
        assert "time_zone_unknown" not in told["flags"]
        assert rows_of(out)[0]["time_utc"] == "2026-07-01T02:00:00.000000Z"
    assert "no time zone" in refused(path, "--zone", "Mars/Olympus")
    assert "Leave --zone out" in refused(out, "--zone", "+08:00")


def test_a_tiff_of_a_photo_reads_as_the_photo_does(shared_data, tmp_path):
    photo = sorted((shared_data / "flights" / "brighton_beach_dji" / "images").iterdir())[0]
    with Image.open(photo) as image:
        small, exif = image.resize((image.width // 8, image.height // 8)), image.getexif()
        # Pillow writes a TIFF's inner directories only where they stand as values.
        for inner in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            exif[inner] = exif.get_ifd(inner)
        exif[700] = image.info["xmp"]
        small.save(tmp_path / "a.tif", exif=exif)
    one, other = run(photo), run(tmp_path / "a.tif")
    assert other["known"] == one["known"]
    assert other["bbox"] == pytest.approx(one["bbox"], abs=1e-8)
    assert other["altitude_m"] == one["altitude_m"]


def test_photos_without_gps_are_refused(shared_data):
    told = refused(shared_data / "flights" / "copr_kap_gcp" / "images")
    assert "41 no position" in told


def test_small_files_of_each_family_are_told_apart_by_content(tmp_path):
    texts = {
        "airdata": AIRDATA.format(unit="feet") + "0,2026-07-01 02:03:04,30.25,120.15,100,200,9,90,10,-60,0,0\n",
        "exiftool": EXIFTOOL + "a.JPG,2026:07:01 10:00:00,30.25,120.15,60,10,-80,0\n",
        "dji_mrk": mrk_line(1),
        "poses_csv": "time_s,lon,lat,alt_m,alt_datum\n0,120.15,30.25,60,home\n",
        "klv": klv_pose(),
        "tlog": tlog(*((1_782_900_000.0 + n, position(100.0 + n)) for n in range(4))),
    }
    for family, content in texts.items():
        path = tmp_path / "unnamed"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert run(path)["family"] == family


def test_klv_inside_a_video_is_read_on_the_videos_time(shared_data, tmp_path):
    recorded = (shared_data / "telemetry" / "misb_klv" / "Cheyenne.bin").read_bytes()
    starts = [at for at in range(len(recorded)) if recorded.startswith(b"\x06\x0e\x2b\x34\x02\x0b", at)][:11]
    packets = [recorded[here:there] for here, there in itertools.pairwise(starts)]
    film = write_film(tmp_path / "film.ts", steady(25), data=[(0.1 * n, payload) for n, payload in enumerate(packets)])
    out = tmp_path / "poses.csv"
    told = run(film, "--out", out)
    assert (told["family"], told["used"]) == ("klv", 10)
    assert told["time"]["clock"] == "media"
    assert [float(row["time_s"]) for row in rows_of(out)] == pytest.approx([0.1 * n for n in range(10)], abs=0.001)
    alone = tmp_path / "bare.klv"
    alone.write_bytes(b"".join(packets))
    assert run(alone)["bbox"] == told["bbox"]


def test_a_video_without_klv_is_refused_with_the_remedy(tmp_path):
    assert "carries no KLV" in refused(write_film(tmp_path / "film.mp4", steady(5)))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\xa3\x95\x80\x80", "dataflash"),
        (b"ULog\x01\x12\x35\x01", "ULog"),
        (bytes(range(256)), "no telemetry that is known"),
        (b"   \n\n", "the file is empty"),
        (b"just words\n", "nothing is recognised in it: 'just words'"),
        (b"{not json", "is no JSON"),
        (b"\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\x00\x00\x00\x05ab", "1 cut short"),
    ],
)
def test_other_files_are_named_for_what_they_are(tmp_path, start, words):
    path = tmp_path / "file"
    path.write_bytes(start)
    assert words in refused(path)


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.MRK"
    path.write_text(mrk_line(1))
    assert "cannot be written" in refused(path, "--out", path / "poses.csv")
    assert "overwrite the telemetry itself" in refused(path, "--out", path)
    assert path.read_text() == mrk_line(1)
    assert "cannot be written" in refused(path, "--out", tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.MRK"]
    assert "no such file" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "holds no photo" in refused(tmp_path / "empty")


def test_the_words_for_people_say_what_is_known_and_what_was_not_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("SourceFile,GPSLatitude,GPSLongitude,Mood\na.JPG,30.25,120.15,fine\n")
    done = CliRunner().invoke(app, ["telemetry", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "1 positions, 0 altitudes (unknown), 0 headings" in done.stderr
    assert "not read: Mood" in done.stderr
