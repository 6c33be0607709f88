"""The small parts of sources: gaps, stagger, back-off, addresses, opening, watched folders."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from films import steady, write_film
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from vision.errors import PhotoError, StreamError, VideoError
from vision.sources.address import with_plain_scheme, without_credentials
from vision.sources.gaps import GapLedger, Moment
from vision.sources.live import LiveSource
from vision.sources.opening import kind_of, open_frames
from vision.sources.photo_source import PhotoSource
from vision.sources.photos import in_time_order
from vision.sources.stagger import Backoff, Stagger
from vision.sources.video import VideoSource
from vision.sources.watched import WatchedFolder

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> Moment:
    return Moment(at=BEGAN + timedelta(seconds=seconds), monotonic_s=1000 + seconds)


def photo(path: Path, *, taken: str | None = None, offset: str | None = None, side_px: int = 8) -> Path:
    picture = PillowImage.fromarray(np.full((side_px, side_px, 3), 90, np.uint8))
    exif = picture.getexif()
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    if offset is not None:
        exif.get_ifd(0x8769)[0x9011] = offset
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
    return path


class TestGaps:
    def test_pictures_at_a_usual_pace_leave_no_gap(self) -> None:
        ledger = GapLedger(moment(0), blind_after_s=2)
        for second in (1, 2, 3.9, 4):
            ledger.saw(moment(second))

        assert ledger.gaps(moment(5)) == ()

    def test_a_long_pause_is_a_gap_even_if_nothing_broke(self) -> None:
        ledger = GapLedger(moment(0), blind_after_s=2)
        ledger.saw(moment(1))
        ledger.saw(moment(4))

        (gap,) = ledger.gaps(moment(5))

        assert (gap.began_at, gap.ended_at, gap.seconds) == (moment(1).at, moment(4).at, 3)
        assert gap.reason == "no picture arrived"

    def test_a_broken_connection_is_a_gap_however_short_and_its_first_reason_stands(self) -> None:
        ledger = GapLedger(moment(0), blind_after_s=2)
        ledger.saw(moment(1))
        ledger.broke("silent for 6 s")
        ledger.broke("connection refused")
        present = ledger.gaps(moment(1.5))
        ledger.saw(moment(2))

        assert [(gap.ended_at, gap.seconds, gap.reason) for gap in present] == [(None, 0.5, "silent for 6 s")]
        assert [(gap.ended_at, gap.seconds) for gap in ledger.gaps(moment(2))] == [(moment(2).at, 1)]

    def test_gaps_are_measured_by_the_clock_that_is_never_set(self) -> None:
        ledger = GapLedger(moment(0), blind_after_s=2)
        ledger.saw(moment(1))
        ledger.saw(Moment(at=BEGAN - timedelta(hours=1), monotonic_s=1011))

        assert ledger.gaps(moment(11))[0].seconds == 10


class TestTiming:
    def test_sources_that_share_a_stagger_begin_one_after_the_other(self) -> None:
        stagger, stop = Stagger(0.05), threading.Event()
        begun_s: list[float] = []
        threads = [
            threading.Thread(target=lambda: (stagger.wait(stop), begun_s.append(time.monotonic()))) for _ in range(5)
        ]
        began_s = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(begun_s)[-1] - began_s >= 0.2

    def test_a_stopped_source_does_not_wait_for_its_turn(self) -> None:
        stagger, stop = Stagger(1000), threading.Event()
        stagger.wait(stop)
        stop.set()
        began_s = time.monotonic()

        stagger.wait(stop)

        assert time.monotonic() - began_s < 100

    @given(st.integers(0, 2**32), st.integers(1, 2000))
    def test_waits_grow_to_their_limit_with_jitter_and_never_end(self, seed: int, failures: int) -> None:
        backoff = Backoff(first_s=0.25, most_s=2.0, chance=random.Random(seed))

        waits = [backoff.next_s() for _ in range(failures)]

        assert 0.125 <= waits[0] <= 0.25
        assert all(1.0 <= wait <= 2.0 for wait in waits[3:])
        backoff.reset()
        assert backoff.next_s() <= 0.25
        assert 15 <= backoff.next_s(at_least_s=30) <= 30


class TestAddresses:
    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("rtsp://host/cam", "rtsp://host/cam"),
            ("rtsp://u:p@host:554/cam?channel=1&subtype=0", "rtsp://host:554/cam?channel=1&subtype=0"),
            ("RTSP://u:p@ss@host/cam", "rtsp://host/cam"),
            ("rtsp://u:p/s@host/cam", "rtsp://host/cam"),
            ("rtsp://u:p#s@host/cam", "rtsp://host/cam"),
            ("rtsp://u:p?s@host/cam", "rtsp://host/cam"),
            ("rtsp://u:p%40ss@[fe80::1]:8554/cam", "rtsp://[fe80::1]:8554/cam"),
            ("rtsp://host/user=u_password=p_channel=1.sdp", "rtsp://host/user=***_password=***_channel=1.sdp"),
            ("srt://host:1?mode=caller&passphrase=p", "srt://host:1?mode=caller&passphrase=***"),
            ("rtmp://host/live/cam?auth_key=p&user=u@d", "rtmp://host/live/cam?auth_key=***&user=***"),
        ],
    )
    def test_what_is_shown_of_an_address_holds_no_secret(self, address: str, shown: str) -> None:
        assert without_credentials(address) == shown

    def test_only_the_scheme_of_an_address_is_put_into_lower_case(self) -> None:
        assert with_plain_scheme("RTSP://User:PassWord@Host/Cam?A=B") == "rtsp://User:PassWord@Host/Cam?A=B"
        assert with_plain_scheme("Folder/Film.MP4") == "Folder/Film.MP4"

    @given(st.text(st.characters(codec="utf-8", exclude_characters="/?"), min_size=8))
    def test_no_password_however_strange_is_shown(self, password: str) -> None:
        assert without_credentials(f"rtsp://admin:{password}@h/c") == "rtsp://h/c"


class TestOpening:
    def test_what_a_user_names_is_told_by_content_and_not_by_suffix(self, tmp_path: Path) -> None:
        film = write_film(tmp_path / "film.mp4", steady(3)).rename(tmp_path / "DJI_0001.JPG")
        picture = photo(tmp_path / "picture.png").rename(tmp_path / "film.mp4")

        assert kind_of(film) == "video"
        assert kind_of(str(picture)) == "photos"
        assert kind_of(tmp_path) == "photos"
        assert kind_of("rtsp://host/cam") == "live"

    def test_each_kind_opens_as_its_source(self, tmp_path: Path) -> None:
        photo(tmp_path / "b.jpg", taken="2026:01:01 10:00:00")
        photo(tmp_path / "a.jpg", taken="2026:01:01 10:00:01")
        film = write_film(tmp_path / "film.mp4", steady(3))

        with open_frames(tmp_path) as photos, open_frames(film) as video, open_frames("rtmp://host/live") as live:
            assert isinstance(video, VideoSource)
            assert isinstance(live, LiveSource)
            assert [Path(frame.source).name for frame in photos] == ["b.jpg", "a.jpg"]
            assert [frame.media_time_s for frame in video] == pytest.approx([0, 0.04, 0.08])

    def test_what_cannot_be_opened_is_refused_with_the_error_of_its_kind(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("hello")
        (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x24ftypheic" + bytes(100))

        with pytest.raises(VideoError, match="no video"):
            kind_of(tmp_path / "notes.txt")
        with pytest.raises(PhotoError, match="HEIC"):
            kind_of(tmp_path / "phone.heic")
        with pytest.raises(VideoError, match="no such file"):
            kind_of(tmp_path / "gone.mp4")
        with pytest.raises(PhotoError, match="no such file"):
            kind_of(tmp_path / "gone")
        with pytest.raises(StreamError, match="use one of"):
            kind_of("ftp://user:secret@host/film.mp4")

    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "film.mp4")

        with pytest.raises(PhotoError, match="no ordinary file"):
            kind_of(tmp_path / "film.mp4")
        with pytest.raises(VideoError, match="no ordinary file"):
            VideoSource(tmp_path / "film.mp4")

    def test_a_damaged_photo_is_reported_and_the_next_one_read(self, tmp_path: Path) -> None:
        good = photo(tmp_path / "a.jpg")
        (tmp_path / "b.jpg").write_bytes(good.read_bytes()[:200])
        photo(tmp_path / "c.jpg")

        with open_frames(tmp_path) as source:
            frames = list(source)

        report = source.report()
        assert [frame.index for frame in frames] == [0, 2]
        assert (report.frames_given, report.corrupt) == (2, 1)
        assert "b.jpg" in report.problems[0]


class TestTimeOrder:
    def test_photos_are_sorted_as_they_were_taken(self, tmp_path: Path) -> None:
        late = photo(tmp_path / "1.jpg", taken="2026:01:01 10:00:02")
        early = photo(tmp_path / "2.jpg", taken="2026:01:01 09:59:59")

        assert in_time_order([late, early]) == [early, late]

    def test_offsets_count_where_all_have_one(self, tmp_path: Path) -> None:
        east = photo(tmp_path / "1.jpg", taken="2026:01:01 18:00:01", offset="+08:00")
        zero = photo(tmp_path / "2.jpg", taken="2026:01:01 10:00:00", offset="+00:00")

        assert in_time_order([east, zero]) == [zero, east]

    def test_one_photo_without_a_time_leaves_all_in_the_order_of_names(self, tmp_path: Path) -> None:
        ten = photo(tmp_path / "10.jpg", taken="2026:01:01 09:00:00")
        nine = photo(tmp_path / "9.jpg")

        assert in_time_order([ten, nine]) == [nine, ten]


class TestWatchedFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "dock"

    def quick(self, folder: Path, idle_s: float | None = 1.0) -> WatchedFolder:
        folder.mkdir(exist_ok=True)
        return WatchedFolder(folder, idle_s=idle_s, settled_s=0.3, look_every_s=0.05)

    def test_files_come_in_time_order_and_partial_and_hidden_ones_do_not(self, folder: Path) -> None:
        photo(folder / "2.jpg", taken="2026:01:01 10:00:00")
        photo(folder / "sub" / "1.JPG", taken="2026:01:01 10:00:01")
        photo(folder / ".hidden.jpg")
        photo(folder / ".trash" / "x.jpg")
        photo(folder / "y.jpg").rename(folder / "y.jpg.part")
        (folder / "empty.jpg").touch()
        (folder / "notes.txt").write_text("x")

        assert [path.name for path in self.quick(folder)] == ["2.jpg", "1.JPG"]

    def test_a_file_that_grows_is_given_once_and_whole(self, folder: Path) -> None:
        folder.mkdir()
        watched = WatchedFolder(folder, idle_s=0.5, settled_s=2.0, look_every_s=0.05)
        data = photo(folder.parent / "whole.jpg", side_px=300).read_bytes()
        growing = folder / "a.jpg"

        def write() -> None:
            with growing.open("wb") as file:
                for begin in range(0, len(data), len(data) // 8 + 1):
                    file.write(data[begin : begin + len(data) // 8 + 1])
                    file.flush()
                    time.sleep(0.1)

        writer = threading.Thread(target=write)
        writer.start()
        while not growing.exists():
            time.sleep(0.01)
        sizes = [path.stat().st_size for path in watched]
        writer.join()

        assert sizes == [len(data)]

    def test_new_files_come_while_watching_and_closing_ends_it(self, folder: Path) -> None:
        with self.quick(folder, idle_s=None) as watched:
            paths: Iterator[Path] = iter(watched)
            photo(folder / "a.jpg")
            assert next(paths).name == "a.jpg"
            photo(folder / "b.jpg")
            assert next(paths).name == "b.jpg"
            threading.Timer(0.2, watched.close).start()
            assert list(paths) == []

    def test_a_file_written_again_is_given_again(self, folder: Path) -> None:
        paths = iter(self.quick(folder, idle_s=None))
        first = photo(folder / "a.jpg")
        next(paths)
        photo(first, side_px=16)

        assert next(paths) == first

    def test_files_seen_before_are_left_out(self, folder: Path) -> None:
        seen = photo(folder / "a.jpg")
        photo(folder / "b.jpg")
        watched = WatchedFolder(folder, settled_s=0.2, look_every_s=0.05, seen=[seen])

        assert next(iter(watched)).name == "b.jpg"

    def test_a_share_that_goes_away_and_comes_back_gives_nothing_twice(self, folder: Path) -> None:
        watched = self.quick(folder, idle_s=None)
        paths = iter(watched)
        photo(folder / "a.jpg")
        next(paths)

        def unmount_for_a_while() -> None:
            folder.rename(folder.parent / "away")
            time.sleep(0.4)
            (folder.parent / "away").rename(folder)
            photo(folder / "b.jpg")

        share = threading.Thread(target=unmount_for_a_while)
        share.start()
        name = next(paths).name
        share.join()

        assert name == "b.jpg"

    def test_a_missing_folder_is_refused(self, folder: Path) -> None:
        with pytest.raises(PhotoError, match="no such folder"):
            WatchedFolder(folder)

    def test_frames_of_a_watched_folder_end_when_the_source_is_closed(self, folder: Path) -> None:
        photo(folder / "a.jpg")
        with PhotoSource(self.quick(folder, idle_s=None)) as source:
            frames = iter(source)
            assert Path(next(frames).source).name == "a.jpg"
            source.close()
            assert list(frames) == []
