"""Video files: times, order, what is skipped, and what is damaged."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import encoded, number_of, numbered, steady, write_film

from vision.errors import InvalidValueError, VideoError
from vision.frame import Frame
from vision.sources.source import SourceReport
from vision.sources.video import VideoSource


def read(path: Path, **how: Any) -> tuple[list[Frame], SourceReport]:
    with VideoSource(path, **how) as source:
        return list(source), source.report()


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [
        ("film.mp4", "libx264", 0),
        ("film.mp4", "libx264", 2),
        ("film.mp4", "libx265", 2),
        ("film.mkv", "libx264", 2),
        ("film.ts", "libx264", 2),
        ("film.ts", "libx265", 0),
        ("film.flv", "libx264", 2),
        ("film.avi", "libx264", 2),
        ("film.h264", "libx264", 2),
        ("film.hevc", "libx265", 2),
    ],
)
def test_every_picture_comes_once_in_order_of_display_with_its_time(
    tmp_path: Path, name: str, codec: str, b_frames: int
) -> None:
    path = write_film(tmp_path / name, steady(20), codec=codec, b_frames=b_frames)

    frames, report = read(path)

    assert [number_of(frame.image_bgr) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.media_time_s for frame in frames] == pytest.approx(steady(20), abs=0.002)
    assert {frame.source for frame in frames} == {str(path)}
    assert (report.frames_decoded, report.frames_given, report.corrupt) == (20, 20, 0)


def test_times_of_a_variable_rate_are_those_of_the_file(tmp_path: Path) -> None:
    times_s = [0.0, 0.01, 0.5, 0.51, 2.0, 7.0]

    frames, _ = read(write_film(tmp_path / "film.mp4", times_s, b_frames=2))

    assert [frame.media_time_s for frame in frames] == pytest.approx(times_s, abs=1e-4)
    assert [number_of(frame.image_bgr) for frame in frames] == list(range(6))


def test_times_count_from_the_first_picture_wherever_the_files_clock_begins(tmp_path: Path) -> None:
    frames, _ = read(write_film(tmp_path / "film.ts", [100 + time_s for time_s in steady(5)]))

    assert [frame.media_time_s for frame in frames] == pytest.approx(steady(5), abs=1e-4)


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 3), ("libx265", 2)])
@pytest.mark.parametrize(("every", "offset"), [(1, 0), (2, 1), (7, 3), (30, 5)])
def test_wanted_pictures_are_the_same_as_when_all_are_decoded(
    tmp_path: Path, codec: str, b_frames: int, every: int, offset: int
) -> None:
    path = write_film(tmp_path / "film.mp4", steady(60), codec=codec, b_frames=b_frames)
    everything, _ = read(path)

    wanted, report = read(path, want=lambda time_s: round(time_s * 25) % every == offset)

    expected = [frame for frame in everything if frame.index % every == offset]
    assert [frame.index for frame in wanted] == [frame.index for frame in expected]
    assert [frame.media_time_s for frame in wanted] == [frame.media_time_s for frame in expected]
    assert all(np.array_equal(one.image_bgr, other.image_bgr) for one, other in zip(wanted, expected, strict=True))
    assert report.corrupt == 0


def test_want_is_asked_once_for_every_picture_in_order_of_display(tmp_path: Path) -> None:
    asked: list[float] = []

    def want(time_s: float) -> bool:
        asked.append(time_s)
        return False

    frames, report = read(write_film(tmp_path / "film.mp4", steady(40), b_frames=3), want=want)

    assert asked == pytest.approx(steady(40), abs=1e-4)
    assert frames == []
    assert report.frames_decoded == 0


def test_key_pictures_are_told_before_they_are_asked_about(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    def want(time_s: float) -> bool:
        told.append(("want", round(time_s * 25)))
        return round(time_s * 25) % 10 == 0

    path = write_film(tmp_path / "film.mp4", steady(40), gop=10, b_frames=3)
    frames, report = read(path, want=want, on_key=lambda time_s: told.append(("key", round(time_s * 25))))

    assert [entry for entry in told if entry[1] % 10 == 0] == [
        (kind, number) for number in range(0, 40, 10) for kind in ("key", "want")
    ]
    assert [frame.index for frame in frames] == [0, 10, 20, 30]
    assert report.frames_decoded < 20, "key pictures, and what the decoder wants to be fed before it gives one"


def test_unwanted_pictures_are_mostly_not_decoded(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", steady(200), gop=20)

    frames, report = read(path, want=lambda time_s: round(time_s * 25) % 100 == 0)

    assert [frame.index for frame in frames] == [0, 100]
    assert report.frames_decoded < 20


def test_a_film_without_key_pictures_does_not_pile_up_unwanted_packets(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", steady(1500), gop=100_000, size_wh_px=(64, 48))

    frames, report = read(path, want=lambda time_s: round(time_s * 25) == 1450)

    assert [(frame.index, number_of(frame.image_bgr)) for frame in frames] == [(1450, 1450 % 256)]
    assert report.corrupt == 0


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, -90])
@pytest.mark.parametrize("flip", [False, True])
def test_pictures_are_turned_and_mirrored_as_the_file_wants_them_displayed(
    tmp_path: Path, rotation_deg: int, flip: bool
) -> None:
    path = write_film(tmp_path / "film.mp4", steady(3), first=0b0000_1101, rotation_deg=rotation_deg, flip=flip)

    with VideoSource(path) as source:
        frame = next(iter(source))

        turned = np.rot90(numbered(0b0000_1101), rotation_deg // 90)
        expected = turned[:, ::-1] if flip else turned
        assert source.size_wh_px == frame.size_wh_px == (expected.shape[1], expected.shape[0])
        difference = np.abs(frame.image_bgr.astype(int) - expected.astype(int))
        assert np.percentile(difference, 90) < 60


def test_sound_is_passed_over(tmp_path: Path) -> None:
    frames, report = read(write_film(tmp_path / "film.mp4", steady(5), audio=True))

    assert len(frames) == 5
    assert report.problems == ()


def test_a_file_tells_its_length_size_and_rate(tmp_path: Path) -> None:
    with VideoSource(write_film(tmp_path / "film.mp4", steady(50))) as source:
        assert source.duration_s == pytest.approx(2.0, abs=0.05)
        assert source.frame_rate == pytest.approx(25, rel=0.05)
        assert source.size_wh_px == (128, 96)


def test_a_start_with_its_offset_from_utc_gives_every_frame_its_moment(tmp_path: Path) -> None:
    stamped = {"com.apple.quicktime.creationdate": "2026-05-01T10:00:00+0800"}
    path = write_film(tmp_path / "film.mov", steady(3), metadata=stamped, options={"movflags": "use_metadata_tags"})

    with VideoSource(path) as source:
        frames = list(source)

    assert source.started_at == datetime(2026, 5, 1, 2, tzinfo=UTC)
    assert frames[2].captured_at == datetime(2026, 5, 1, 2, tzinfo=UTC) + timedelta(seconds=0.08)


def test_a_creation_time_without_offset_is_not_believed(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", steady(3), metadata={"creation_time": "2026-05-01T10:00:00Z"})

    frames, _ = read(path)

    assert [frame.captured_at for frame in frames] == [None, None, None]


def test_who_knows_the_start_may_say_it(tmp_path: Path) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)

    frames, _ = read(write_film(tmp_path / "film.mp4", steady(3)), started_at=began)

    assert frames[1].captured_at == began + timedelta(seconds=0.04)
    with pytest.raises(InvalidValueError, match="aware UTC"):
        VideoSource(tmp_path / "film.mp4", started_at=datetime(2026, 1, 1))


def test_a_truncated_film_gives_what_it_has_and_says_what_is_missing(tmp_path: Path) -> None:
    data = encoded(steady(100), suffix=".mp4", options={"movflags": "faststart"})
    path = tmp_path / "film.mp4"
    path.write_bytes(data[: len(data) * 6 // 10])

    frames, report = read(path)

    numbers = [number_of(frame.image_bgr) for frame in frames]
    assert 20 < len(numbers) < 100
    assert numbers == list(range(len(numbers)))
    assert any("truncated" in problem for problem in report.problems)


def test_a_film_that_lost_its_index_is_refused_with_a_remedy(tmp_path: Path) -> None:
    data = encoded(steady(50), suffix=".mp4")
    path = tmp_path / "film.mp4"
    path.write_bytes(data[: len(data) // 2])

    with pytest.raises(VideoError, match="let it repair the file") as caught:
        VideoSource(path)

    assert caught.value.path == path


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_damage_in_the_middle_is_counted_and_no_smeared_picture_is_given(tmp_path: Path, suffix: str) -> None:
    data = bytearray(encoded(steady(120), suffix=suffix, options={"movflags": "faststart"} if suffix == ".mp4" else {}))
    middle = len(data) // 2
    for at in range(middle, middle + 500):
        data[at] = (data[at] * 7 + 13) & 255
    path = tmp_path / f"film{suffix}"
    path.write_bytes(data)

    frames, report = read(path)

    assert report.corrupt > 0
    numbers = [number_of(frame.image_bgr) for frame in frames]
    assert numbers == [round((frame.media_time_s or 0) * 25) for frame in frames]
    assert 60 < len(numbers) < 120
    assert numbers[-1] == 119


def test_joined_films_of_two_sizes_are_one_film_with_one_change(tmp_path: Path) -> None:
    path = tmp_path / "film.ts"
    path.write_bytes(encoded(steady(10)) + encoded(steady(10), first=10, size_wh_px=(64, 48)))

    frames, report = read(path)

    assert [number_of(frame.image_bgr) for frame in frames] == list(range(20))
    assert [frame.size_wh_px for frame in frames] == [(128, 96)] * 10 + [(64, 48)] * 10
    assert report.size_changes == 1
    assert [frame.media_time_s for frame in frames] == pytest.approx(steady(20), abs=0.01)
    assert any("clock jumps back" in problem for problem in report.problems)


def test_one_damaged_time_stamp_does_not_move_the_times_after_it(tmp_path: Path) -> None:
    data = bytearray(encoded(steady(30)))
    stamp = _stamp_of_picture(data, 12)
    data[stamp : stamp + 5] = bytes([0x21, 0x7F, 0x01, 0x7F, 0x01])
    path = tmp_path / "film.ts"
    path.write_bytes(data)

    frames, report = read(path)

    assert report.corrupt > 0
    assert frames[-1].media_time_s == pytest.approx(29 / 25, abs=0.05)
    assert [number_of(frame.image_bgr) for frame in frames][-10:] == list(range(20, 30))


def _stamp_of_picture(data: bytearray, number: int) -> int:
    """Where the time stamp stands in the n-th video packet of a transport stream (PES header, PTS only)."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"\0\0\1\xe0", at + 1)
    assert data[at + 7] >> 6 == 2
    return at + 9


def test_a_recording_that_begins_between_key_pictures_begins_at_the_next_one(tmp_path: Path) -> None:
    whole = encoded(steady(40), gop=20)
    path = tmp_path / "film.ts"
    path.write_bytes(whole[188 * (len(whole) // 188 * 3 // 8) :])

    frames, report = read(path)

    numbers = [number_of(frame.image_bgr) for frame in frames]
    assert numbers == list(range(numbers[0], 40))
    assert numbers[0] > 0
    assert frames[0].media_time_s == 0
    assert report.corrupt > 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"no video at all\n" * 100, "no video"),
        (bytes(5000), "no video"),
        (b"\0\0\0\x18ftypisom" + bytes(300), "no video"),
        (b"RIFF\xff\xff\xff\x7fAVI LIST" + bytes(300), "no video"),
        (b"\x1aE\xdf\xa3" + bytes(300), "no video"),
        (b"FLV\x01\x05\0\0\0\x09" + bytes(300), "no video"),
        (b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n", "no video"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n", "no video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no video"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)

    with pytest.raises(VideoError, match=problem) as caught:
        read(path)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="is a folder"):
        VideoSource(tmp_path)
    with pytest.raises(VideoError, match="no such file"):
        VideoSource(tmp_path / "nothing.mp4")


def test_a_name_full_of_signs_is_only_a_name(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", steady(3)).rename(tmp_path / "a%03d:b?c#d 视频.mp4")

    frames, _ = read(path)

    assert len(frames) == 3


def test_a_source_can_be_closed_in_the_middle_and_from_another_thread(tmp_path: Path) -> None:
    source = VideoSource(write_film(tmp_path / "film.mp4", steady(200)))
    frames = iter(source)
    next(frames)

    closer = threading.Thread(target=source.close)
    closer.start()
    closer.join(timeout=60)

    assert not closer.is_alive()
    assert list(frames) == []
    assert list(source) == []


def test_a_source_that_is_never_read_can_be_closed(tmp_path: Path) -> None:
    source = VideoSource(write_film(tmp_path / "film.mp4", steady(3)))

    source.close()
    source.close()

    assert list(source) == []


def test_an_error_of_the_callers_own_reaches_the_caller(tmp_path: Path) -> None:
    def want(time_s: float) -> bool:
        raise RuntimeError(f"no pose at {time_s}")

    with (
        VideoSource(write_film(tmp_path / "film.mp4", steady(3)), want=want) as source,
        pytest.raises(RuntimeError, match="no pose at 0"),
    ):
        list(source)
