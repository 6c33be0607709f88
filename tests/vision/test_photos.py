from __future__ import annotations

import hashlib
import struct
import zlib
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from onnx_graphs import picture
from PIL import ExifTags, Image

from vision.errors import PhotoError
from vision.sources.photos import photo_paths, read_frame


def two_halves(width=40, height=20):
    """Left half pure red, right half pure blue, as RGB."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (255, 0, 0)
    image[:, width // 2 :] = (0, 0, 255)
    return image


def save(path, rgb=None, mode=None, exif=None, **options):
    made = Image.fromarray(two_halves() if rgb is None else rgb)
    made = made.convert(mode) if mode else made
    path.parent.mkdir(parents=True, exist_ok=True)
    if exif:
        tags = Image.Exif()
        tags.update({key: value for key, value in exif.items() if key == ExifTags.Base.Orientation})
        tags.get_ifd(ExifTags.IFD.Exif).update({k: v for k, v in exif.items() if k != ExifTags.Base.Orientation})
        options["exif"] = tags
    made.save(path, **options)
    return path


def png_that_declares(width, height):
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    )
    framed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def test_pixels_are_blue_green_red_and_the_hash_is_of_the_file(tmp_path):
    path = save(tmp_path / "a.png")
    one = read_frame(path, index=4)
    assert one.image_bgr[0, 0].tolist() == [0, 0, 255]
    assert one.image_bgr[0, -1].tolist() == [255, 0, 0]
    assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (one.index, one.source, one.captured_at) == (4, str(path), None)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.png", "a.tif", "a.tiff", "a.webp", "a.bmp", "A.JPG"])
def test_every_kind_of_file_gives_the_same_picture(tmp_path, name):
    one = read_frame(save(tmp_path / name))
    assert one.size_wh_px == (40, 20)
    assert np.abs(one.image_bgr[10, 5].astype(int) - [0, 0, 255]).max() <= 8


@pytest.mark.parametrize(
    ("mode", "name"), [("CMYK", "a.jpg"), ("CMYK", "a.tif"), ("RGBA", "a.png"), ("P", "a.png"), ("RGBA", "a.tif")]
)
def test_other_colour_models_become_blue_green_red(tmp_path, mode, name):
    one = read_frame(save(tmp_path / name, mode=mode))
    assert np.abs(one.image_bgr[10, 5].astype(int) - [0, 0, 255]).max() <= 8


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_becomes_three_equal_channels(tmp_path, mode):
    grey = np.repeat(np.linspace(0, 255, 40, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(3, axis=2)
    one = read_frame(save(tmp_path / "a.png", grey, mode=mode))
    assert (one.image_bgr[:, :, 0] == one.image_bgr[:, :, 2]).all()
    assert one.image_bgr[:, 0].max() == 0
    assert one.image_bgr[:, -1].min() == 255


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("colour", [True, False])
def test_sixteen_bits_keep_their_high_byte(tmp_path, name, colour):
    deep = np.zeros((20, 40, 3) if colour else (20, 40), np.uint16)
    deep[:, :20] = 0x80FF
    deep[:, 20:] = 0x2000
    assert cv2.imwrite(str(tmp_path / name), deep)
    one = read_frame(tmp_path / name)
    assert one.image_bgr[5, 5].tolist() == [0x80] * 3
    assert one.image_bgr[5, 30].tolist() == [0x20] * 3


def test_sixteen_bit_colour_keeps_its_channels_apart(tmp_path):
    deep = np.zeros((20, 40, 3), np.uint16)
    deep[:, :, 2] = 0xFFFF  # red, in OpenCV's order
    assert cv2.imwrite(str(tmp_path / "a.tif"), deep)
    assert read_frame(tmp_path / "a.tif").image_bgr[5, 5].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("orientation", "size", "red_corner"),
    [(1, (40, 20), (0, 0)), (3, (40, 20), (-1, -1)), (6, (20, 40), (0, 0)), (8, (20, 40), (-1, -1))],
)
def test_a_picture_is_turned_upright_as_its_exif_says(tmp_path, orientation, size, red_corner):
    path = save(tmp_path / "a.jpg", exif={ExifTags.Base.Orientation: orientation}, quality=95)
    one = read_frame(path)
    assert one.size_wh_px == size
    assert one.exif_orientation == orientation
    assert one.image_bgr[red_corner][2] > 200


@pytest.mark.parametrize(
    ("written", "offset", "fraction", "moment"),
    [
        ("2026:07:01 10:00:00", "+08:00", None, datetime(2026, 7, 1, 2, 0, tzinfo=UTC)),
        ("2026:07:01 10:00:00", "-05:30", "25", datetime(2026, 7, 1, 15, 30, 0, 250000, tzinfo=UTC)),
        ("2026:07:01 10:00:00", None, None, None),  # nobody says of which zone: not known
        ("0000:00:00 00:00:00", "+08:00", None, None),
        ("yesterday", "+08:00", None, None),
        (None, "+08:00", None, None),
    ],
)
def test_the_moment_is_known_only_with_its_offset(tmp_path, written, offset, fraction, moment):
    tags = {
        ExifTags.Base.DateTimeOriginal: written,
        ExifTags.Base.OffsetTimeOriginal: offset,
        ExifTags.Base.SubsecTimeOriginal: fraction,
    }
    path = save(tmp_path / "a.jpg", exif={key: value for key, value in tags.items() if value})
    assert read_frame(path).captured_at == moment


def truncated_jpeg(path):
    save(path, np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-2000])


def truncated_png(path):
    save(path.with_suffix(".png"), np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    path.write_bytes(path.with_suffix(".png").read_bytes()[:-2000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("I am not a picture\n" * 50), "is not a picture"),
        (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 300), "is (not a picture|truncated)"),
        (lambda path: path.write_bytes(b"II*\0\x08\0\0\0" + b"\0" * 8), "is a damaged TIFF"),
        (lambda path: path.write_bytes(png_that_declares(60000, 60000)), "too many pixels|declares 60000"),
        (lambda path: path.write_bytes(png_that_declares(12000, 12600)), "too many pixels|declares 12000"),
        (truncated_jpeg, "truncated"),
        (truncated_png, "truncated"),
    ],
)
def test_a_file_that_is_no_good_picture_is_refused_by_name_with_a_remedy(tmp_path, make, says):
    path = tmp_path / "bad.jpg"
    make(path)
    with pytest.raises(PhotoError, match=says) as caught:
        read_frame(path)
    assert str(caught.value).startswith(str(path))
    assert caught.value.remedy


def test_the_fields_of_the_error_say_what_happened():
    error = PhotoError("x.jpg", "is empty", "copy it again")
    assert (error.path, error.problem, error.remedy) == ("x.jpg", "is empty", "copy it again")


def test_a_folder_is_searched_through_and_sorted_by_number(tmp_path):
    for name in ("b/DJI_10.JPG", "b/DJI_9.jpg", "a/x.tif", "b/notes.txt", ".cache/t.jpg", "a/._x.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert [str(p.relative_to(tmp_path)) for p in photo_paths(tmp_path)] == ["a/x.tif", "b/DJI_9.jpg", "b/DJI_10.JPG"]


def test_files_and_folders_mix_and_nothing_comes_twice(tmp_path):
    path = save(tmp_path / "a.jpg")
    odd = tmp_path / "picture.bin"
    odd.write_bytes(b"x")
    assert photo_paths([tmp_path, path, odd]) == [path, odd]


def test_a_missing_place_and_a_folder_without_pictures_are_refused(tmp_path):
    with pytest.raises(PhotoError, match="no such file or folder"):
        photo_paths(tmp_path / "absent")
    with pytest.raises(PhotoError, match="holds no picture"):
        photo_paths(tmp_path)


def test_names_may_have_spaces_and_chinese_letters(tmp_path):
    path = save(tmp_path / "巡查 第一次" / "水库 1.jpg")
    assert photo_paths(tmp_path) == [path]
    assert read_frame(path).size_wh_px == (40, 20)


@pytest.mark.parametrize("cut", [60, 2000, 7000])
def test_a_truncated_sixteen_bit_tiff_is_refused(tmp_path, cut):
    whole, path = tmp_path / "whole.tif", tmp_path / "cut.tif"
    assert cv2.imwrite(str(whole), np.random.default_rng(1).integers(0, 65535, (40, 40, 3), np.uint16))
    path.write_bytes(whole.read_bytes()[:-cut])
    with pytest.raises(PhotoError, match=r"TIFF|truncated"):
        read_frame(path)


def test_a_picture_as_large_as_a_drone_takes_is_read(tmp_path):
    path = save(tmp_path / "large.jpg", picture(4000, 3000), quality=60)
    assert read_frame(path).size_wh_px == (4000, 3000)
