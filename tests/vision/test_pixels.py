"""Pixels that are there, and pixels of a decoded picture that are converted when asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from vision.errors import InvalidValueError
from vision.pixels import ArrayPixels, Image, resized
from vision.sources.decoded import DecodedPixels, pixels_of


def a_scene(width_px: int, height_px: int) -> Image:
    """Soft patches of strong colours: what halves of the colour planes can show."""
    coarse = np.random.default_rng(4).integers(20, 236, (5, 7, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.uint8)


def decoded(
    image: Image, *, pixel_format: str = "yuv420p", colorspace: int = 2, full_range: bool = False
) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    told = Colorspace.ITU709 if colorspace == 1 else Colorspace.ITU601
    picture = frame.reformat(
        format=pixel_format,
        dst_colorspace=told,
        dst_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
    )
    picture.colorspace = colorspace
    picture.color_range = 2 if full_range else 1
    return picture


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_refused(image: Image) -> None:
    with pytest.raises(InvalidValueError, match="pixels of shape"):
        ArrayPixels(image)


@pytest.mark.parametrize("size", [(640, 360), (333, 187), (480, 270)])
@pytest.mark.parametrize("colorspace", [1, 2, 5])
@pytest.mark.parametrize("full_range", [False, True])
def test_a_reduced_picture_is_the_whole_one_made_smaller(
    size: tuple[int, int], colorspace: int, full_range: bool
) -> None:
    scene = a_scene(1920, 1080)
    pixels = pixels_of(decoded(scene, colorspace=colorspace, full_range=full_range), None)
    assert isinstance(pixels, DecodedPixels)
    small = pixels.reduced(size)
    assert small.shape == (size[1], size[0], 3)
    assert np.abs(small.astype(int) - resized(scene, size)).mean() < 2.5
    assert np.abs(small.astype(int).mean((0, 1)) - scene.mean((0, 1))).max() < 2.5
    assert np.abs(small.astype(int) - resized(pixels.bgr(), size)).mean() < 2.5


@pytest.mark.parametrize("size", [(97, 55), (96, 55), (97, 54)])
def test_odd_sizes_are_whole_and_reducible(size: tuple[int, int]) -> None:
    scene = a_scene(*size)
    pixels = pixels_of(decoded(scene), None)
    assert pixels.size_wh_px == size
    assert np.abs(pixels.reduced((31, 17)).astype(int) - resized(scene, (31, 17))).mean() < 8
    assert pixels.bgr().shape == (size[1], size[0], 3)


def test_a_picture_that_hardly_shrinks_is_converted_as_a_whole() -> None:
    pixels = pixels_of(decoded(a_scene(640, 360)), None)
    assert np.array_equal(pixels.reduced((600, 338)), resized(pixels.bgr(), (600, 338)))
    assert pixels.reduced((640, 360)) is pixels.bgr()


@pytest.mark.parametrize(
    ("picture", "turn"),
    [
        (decoded(a_scene(64, 48)), (0, 1, -1, 0)),
        (decoded(a_scene(64, 48), pixel_format="yuv422p"), None),
        (decoded(a_scene(64, 48), colorspace=9), None),
    ],
)
def test_turned_pictures_and_rare_formats_are_converted_at_once(
    picture: av.VideoFrame, turn: tuple[int, int, int, int]
) -> None:
    pixels = pixels_of(picture, turn)
    assert isinstance(pixels, ArrayPixels)
    assert pixels.size_wh_px == ((48, 64) if turn else (64, 48))


def test_several_threads_get_the_same_locked_pixels() -> None:
    pixels = pixels_of(decoded(a_scene(640, 360)), None)
    with ThreadPoolExecutor(4) as pool:
        wholes = list(pool.map(lambda _: pixels.bgr(), range(8)))
        smalls = list(pool.map(lambda _: pixels.reduced((160, 90)), range(8)))
    assert len({id(whole) for whole in wholes}) == 1
    assert not wholes[0].flags.writeable
    assert all(np.array_equal(small, smalls[0]) for small in smalls)
