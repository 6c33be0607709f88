"""Telemetry inside videos."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from films import encoded, steady, write_film
from hypothesis import given
from hypothesis import strategies as st

from vision.sources.embedded import klv_packets, nal_units
from vision.sources.source import StreamData
from vision.sources.video import VideoSource

KEY = bytes.fromhex("060e2b34020b01010e01030101000000")
UUID = bytes(range(16))


def klv(value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 128 else b"\x82" + struct.pack(">H", len(value))
    return KEY + length + value


def data_in(path: Path) -> list[StreamData]:
    found: list[StreamData] = []
    with VideoSource(path, on_data=found.append) as source:
        frames = list(source)
        assert source.report().corrupt == 0
    assert len(frames) == 25
    return found


def test_klv_packets_come_with_the_times_of_their_pictures(tmp_path: Path) -> None:
    packets = [(time_s, klv(bytes([number]) * (40 + 10 * number))) for number, time_s in enumerate((0.0, 0.4, 0.8))]

    found = data_in(write_film(tmp_path / "film.ts", steady(25), data=packets))

    assert [piece.payload for piece in found if piece.kind == "klv"] == [payload for _, payload in packets]
    assert [piece.media_time_s for piece in found if piece.kind == "klv"] == pytest.approx([0.0, 0.4, 0.8], abs=0.001)
    assert {piece.received_at for piece in found} == {None}


def test_telemetry_that_comes_before_the_first_picture_keeps_times_of_its_own(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.08, 0.12]
    packets = [(time_s, klv(bytes([number] * 9))) for number, time_s in enumerate(times_s)]

    found = data_in(write_film(tmp_path / "film.ts", steady(25), b_frames=3, data=packets))

    assert [piece.payload for piece in found if piece.kind == "klv"] == [payload for _, payload in packets]
    assert [piece.media_time_s for piece in found if piece.kind == "klv"] == pytest.approx(times_s, abs=0.001)


def test_real_misb_packets_come_out_as_they_went_in(tmp_path: Path, shared_data: Path) -> None:
    recorded = (shared_data / "telemetry" / "misb_klv" / "Cheyenne.bin").read_bytes()
    packets, whole = klv_packets(recorded)
    assert whole
    assert len(packets) == 407
    some = packets[:20]

    found = data_in(
        write_film(tmp_path / "film.ts", steady(25), data=[(at / 25, payload) for at, payload in enumerate(some)])
    )

    assert [piece.payload for piece in found if piece.kind == "klv"] == some


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_user_messages_come_with_the_times_of_their_pictures_also_of_skipped_ones(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    path = write_film(
        tmp_path / f"film{suffix}", steady(25), codec=codec, message=lambda at: UUID + bytes([0, 0, at, 0, 0, 1, 0, 0])
    )
    found: list[StreamData] = []

    with VideoSource(path, on_data=found.append, want=lambda _: False) as source:
        assert list(source) == []

    assert [piece.payload[16:] for piece in found] == [bytes([0, 0, at, 0, 0, 1, 0, 0]) for at in range(25)]
    assert [piece.media_time_s for piece in found] == pytest.approx(steady(25), abs=0.001)
    assert {piece.kind for piece in found} == {"sei"}


def test_long_messages_are_whole(tmp_path: Path) -> None:
    message = UUID + bytes(range(256)) * 3
    path = write_film(tmp_path / "film.mp4", steady(25), message=lambda _: message)

    assert [piece.payload for piece in data_in(path)] == [message] * 25


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_encoder_that_tells_its_own_name_is_no_telemetry(tmp_path: Path, codec: str) -> None:
    film = write_film(tmp_path / "film.ts", steady(25), codec=codec)
    assert codec.removeprefix("lib").encode() in film.read_bytes()

    assert data_in(film) == []


def test_a_klv_packet_cut_short_is_counted_and_not_handed_on(tmp_path: Path) -> None:
    cut = [(0.0, klv(b"whole")), (0.2, klv(b"x" * 100)[:60]), (0.4, klv(b"again"))]
    found: list[StreamData] = []

    with VideoSource(write_film(tmp_path / "film.ts", steady(25), data=cut), on_data=found.append) as source:
        list(source)

    assert [piece.payload for piece in found if piece.kind == "klv"] == [klv(b"whole"), klv(b"again")]
    assert source.report().corrupt == 1


def test_headers_between_klv_packets_are_passed_over() -> None:
    packets, whole = klv_packets(b"\xfc\0\x01\0\x20" + klv(b"one") + b"\xfc\0\x01\0\x20" + klv(b"t" * 300))

    assert packets == [klv(b"one"), klv(b"t" * 300)]
    assert whole


@given(st.binary(max_size=200))
def test_any_bytes_can_be_searched_for_klv(data: bytes) -> None:
    packets, whole = klv_packets(klv(b"one") + data)

    assert packets[0] == klv(b"one")
    assert whole in (True, False)


@given(st.binary(max_size=200), st.sampled_from([0, 1, 2, 4]))
def test_any_bytes_can_be_searched_for_units(data: bytes, length_bytes: int) -> None:
    units = list(nal_units(data, length_bytes))

    assert all(units)
    assert sum(map(len, units)) <= len(data)


def test_a_film_full_of_noise_in_place_of_messages_is_survived(tmp_path: Path) -> None:
    data = bytearray(encoded(steady(25), message=lambda at: UUID + bytes([at])))
    for at in range(len(data) // 2, len(data), 331):
        if data[at] != 0x47:
            data[at] ^= 0x5A
    path = tmp_path / "film.ts"
    path.write_bytes(data)

    with VideoSource(path, on_data=lambda piece: None) as source:
        list(source)
        assert source.report().corrupt > 0
