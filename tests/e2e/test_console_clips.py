"""The page of a case plays the film around the finding, and asks for nothing but the redacted copy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from console_city import City, a_city
from playwright.sync_api import expect

from dispatch_api.evidence.capture import Capture
from vision.detections import Detections
from vision.films import Moment, write_film


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        yield built


def test_the_case_plays_its_redacted_clip(city, visitor, tmp_path):
    nobody = Detections.empty()
    pictures = [np.full((270, 480, 3), (90, 110, 60 + 5 * number), np.uint8) for number in range(26)]
    moments = (Moment(image_bgr=one, media_time_s=n / 2.5, hide=nobody) for n, one in enumerate(pictures))
    write_film(moments, tmp_path / "redacted.mp4")
    (tmp_path / "clip.mp4").write_bytes(b"as it was filmed")
    still = city.evidence(71)
    clip = replace(
        still,
        original_path=tmp_path / "clip.mp4",
        original_sha256=hashlib.sha256(b"as it was filmed").hexdigest(),
        capture=Capture(
            kind="clip", source_name="DJI_0009.MP4", source_sha256="cd" * 32, media_time_s=3.0, duration_s=10.4
        ),
        redacted_film=tmp_path / "redacted.mp4",
    )
    recorded = city.puddle(71, 900, 300, evidence=(still, clip))
    somebody = visitor()
    somebody.log_in("centre")
    page = somebody.go(f"/cases/{recorded.case_id}")
    shown = page.locator("[data-clip]")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("DJI_0009.MP4")
    expect(shown).to_contain_text("10.4")
    assert not any("/clip" in address for address in somebody.requested)  # a film is loaded by who wants it
    length_s = shown.locator("video").evaluate(
        "async (video) => { await video.play(); video.pause(); return video.duration; }"
    )
    assert abs(length_s - 10.4) < 0.5
    assert not any("/original" in address for address in somebody.requested)
