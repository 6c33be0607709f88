"""What an operator names, and what is refused before anything is analysed: one line with file and remedy."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from flyonce.cli.errors import exit_code_for
from flyonce.feed import Wanted
from flyonce.feeds import feed_of
from flyonce.recordings import telemetry_beside
from geo.camera import camera_by_name

CAMERA = camera_by_name("generic-84dfov")
SECONDS, FPS = 6, 5


def cue(index: int, *, step_s: float = 1 / FPS, day: str = "2026-07-01") -> str:
    start, end = (f"00:00:{at:06.3f}".replace(".", ",") for at in (index * step_s, (index + 1) * step_s))
    text = "[latitude: 30.25] [longitude: 120.15] [rel_alt: 60.0 abs_alt: 90.0]"
    angles = "[gb_yaw: 0.0 gb_pitch: -90.0 gb_roll: 0.0]"
    return f"{index + 1}\n{start} --> {end}\n{day} 10:00:{index * step_s:06.3f}\n{text} {angles}\n\n"


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("video") / "film.mp4")


def write_film(path: Path, *, first_shade: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for shade in range(SECONDS * FPS):
            picture = np.full((96, 160, 3), first_shade + 4 * shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def subtitles(path: Path, cues: int, **more: object) -> Path:
    path.write_text("".join(cue(index, **more) for index in range(cues)))
    return path


def refusal(media: list[object], **wanted: object) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the exit code below says that it is one of ours
        feed_of([str(place) for place in media], Wanted(**wanted))
    assert exit_code_for(caught.value) == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_video_finds_the_subtitles_beside_it_by_itself(video, tmp_path):
    film = tmp_path / "DJI_0001.MP4"
    film.write_bytes(video.read_bytes())
    assert telemetry_beside(film) is None
    told = subtitles(tmp_path / "DJI_0001.srt", SECONDS * FPS)
    assert telemetry_beside(film) == told
    feed = feed_of([str(film)], Wanted(camera=CAMERA))
    assert feed.words == "DJI_0001.MP4 with DJI_0001.srt (30 poses), camera generic-84dfov"
    assert feed.flight_id.startswith("F20260701-100000-")
    assert feed_of([str(film)], Wanted()).flight_id == feed.flight_id
    assert "camera unknown (give --camera)" in feed_of([str(film)], Wanted()).words


def test_subtitles_of_another_recording_are_refused(video, tmp_path):
    short = subtitles(tmp_path / "short.SRT", 10)
    assert f"{short}: covers too little of the video" in refusal([video], telemetry=(short,))
    long = subtitles(tmp_path / "long.SRT", 60)
    assert f"{long}: belongs to a longer recording" in refusal([video], telemetry=(long,))
    assert "none.SRT: no such file" in refusal([video], telemetry=(tmp_path / "none.SRT",))
    empty = tmp_path / "empty.SRT"
    empty.touch()
    assert f"{empty}: the file is empty" in refusal([video], telemetry=(empty,))


def test_a_longer_log_is_taken_with_its_offset(video, tmp_path):
    long = subtitles(tmp_path / "log.SRT", 60)
    feed_of([str(video)], Wanted(telemetry=(long,), offset_s=4.0))
    assert "covers too little" in refusal([video], telemetry=(long,), offset_s=11.0)


def test_poses_in_utc_need_to_know_when_the_video_began(video, tmp_path):
    table = tmp_path / "poses.csv"
    rows = "".join(f"2026-07-01T02:00:{s:02}Z,120.15,30.25,60,home,0,-90,0\n" for s in range(10))
    table.write_text("time_utc,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg,roll_deg\n" + rows)
    assert "does not say when it began. Give --offset-s" in refusal([video], telemetry=(table,))
    feed_of([str(video)], Wanted(telemetry=(table,), offset_s=2.0))


def test_subtitles_that_end_a_little_early_are_taken_and_the_rest_is_told(video, tmp_path):
    feed_of([str(video)], Wanted(telemetry=(subtitles(tmp_path / "a.SRT", 26),)))
    early = subtitles(tmp_path / "early.SRT", 18)
    feed = feed_of([str(video)], Wanted(telemetry=(early,)))
    problems = [problem for recording in feed._recordings for problem in recording.problems]
    assert len(problems) == 1
    assert f"{early}: it tells poses from 0.0 to 3.4 s, film.mp4 lasts 6.0 s" in problems[0]


def test_kinds_are_not_mixed(video, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(photo)
    assert "photos and video together" in refusal([video, photo])
    assert "live and video together" in refusal([video, "rtsp://127.0.0.1:1/none"])
    assert "start one `flyonce analyze` for each" in refusal(["rtsp://127.0.0.1:1/a", "rtsp://127.0.0.1:1/b"])
    assert "ftp://host/a: is no stream that can be read" in refusal(["ftp://host/a"])


def test_options_of_another_kind_are_refused(video, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(photo)
    assert "--camera is for videos" in refusal([photo], camera=CAMERA)
    assert "--telemetry, --offset-s is for videos" in refusal(
        ["rtsp://127.0.0.1:1/a"], telemetry=(tmp_path / "a.SRT",), offset_s=1.0
    )
    assert "--watch waits for photos in one folder" in refusal([video], watch=True)
    assert "--watch waits for photos in one folder" in refusal([photo], watch=True)
    assert "--for ends a stream" in refusal([video], for_s=3.0)
    assert "2 --telemetry for 1 videos" in refusal([video], telemetry=(tmp_path / "a.SRT", tmp_path / "b.SRT"))


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'empty'}: " in refusal([tmp_path / "empty"])
    assert "none.mp4: no such file" in refusal([tmp_path / "none.mp4"])
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\0" * 5000)
    assert f"{noise}: " in refusal([noise])
    nothing = tmp_path / "nothing.mp4"
    nothing.touch()
    assert "empty (0 bytes)" in refusal([nothing])


def test_one_bad_video_of_several_is_left_out_and_told(video, tmp_path):
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\0" * 5000)
    feed = feed_of([str(noise), str(video)], Wanted())
    assert [path for path, _ in feed.refused] == [noise]
    assert "no film.SRT beside it): detected, not located" in feed.words


def test_the_same_film_twice_is_looked_at_once(video, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video.read_bytes())
    feed = feed_of([str(video), str(video), str(copy)], Wanted())
    assert [path for path, _ in feed.refused] == [video, copy]
    assert f"{copy}: is the same film as {video}" in feed.refused[1][1]
    assert feed.words.count("film.mp4") == 1


def test_several_videos_take_their_telemetry_in_their_order(video, tmp_path):
    second = tmp_path / "second.mp4"
    write_film(second, first_shade=100)
    first_srt, second_srt = (subtitles(tmp_path / f"{name}.SRT", 30) for name in ("one", "two"))
    feed = feed_of([str(video), str(second)], Wanted(telemetry=(first_srt, second_srt)))
    assert [recording.telemetry_path for recording in feed._recordings] == [first_srt, second_srt]
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\0" * 5000)
    feed = feed_of([str(noise), str(second)], Wanted(telemetry=(first_srt, second_srt)))
    assert [recording.telemetry_path for recording in feed._recordings] == [second_srt]
    missing = tmp_path / "none.SRT"
    feed = feed_of([str(video), str(second)], Wanted(telemetry=(first_srt, missing)))
    assert [path for path, _ in feed.refused] == [second]
