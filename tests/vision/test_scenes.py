"""The plans, shapes, cameras and labels of rendered scenes; rendering itself is checked by tools/check_scenes.py."""

import dataclasses
import itertools
import json
import struct
import sys

import cv2
import numpy as np
import pytest

from vision.detections import LABELS
from vision.training.dataset import read_data_set
from vision.training.labels import read_labels
from vision.training.scenes import assets, cli, develop, generate, inspect, layout, puddles, scenery, solids, terrain
from vision.training.scenes import grounds as ground_pictures
from vision.training.scenes.errors import BadScenesError, NoBlenderError, RenderError
from vision.training.scenes.exr import read_exr
from vision.training.scenes.truth import placed_m, seen_things, silhouette, water_masks
from vision.training.scenes.views import LEAST_DEPRESSION_DEG, Lens, Pose, View, Weather, plan_view, project, ray

WEATHER = Weather(sun_azimuth_deg=90, sun_elevation_deg=45, sun=0.8, sky=0.4, clouds=0.3, haze_per_m=0.0)


def a_view(height_m=40.0, pitch_deg=-90.0, focal_px=1000.0, size_px=200, offset_px=(0.0, 0.0), at_m=None):
    return View(
        pose=Pose(at_m=at_m or (0.0, 0.0, height_m), heading_deg=0.0, pitch_deg=pitch_deg, roll_deg=0.0),
        lens=Lens(focal_px=focal_px, size_px=size_px, offset_px=offset_px),
        weather=WEATHER,
        fov_deg=70.0,
        seed=3,
    )  # fmt: skip


def a_site(*things):
    bare = layout.without(layout.plan_site(1, "train", 28), frozenset(assets.KINDS))
    flat = terrain.Terrain(turn=0, waves=(), bank=None, bank_wide_m=1, water_z_m=-1, road=None)
    return dataclasses.replace(bare, things=things, puddles=(), terrain=flat)


def a_thing(kind="standing", at_m=(0.0, 0.0, 0.0), heading_deg=0.0, angler=None):
    return layout.Thing(kind=kind, look=0, at_m=at_m, heading_deg=heading_deg, angler=angler)


def seen_by(site, view):
    """What an ideal renderer's identity picture would be where nothing hides anything else."""
    index = np.full((view.lens.size_px,) * 2, scenery.GROUND, np.int32)
    for number, thing in enumerate(site.things):
        vertices, faces = placed_m(thing, "train")
        index[silhouette(project(view.pose, view.lens, vertices)[0], faces, view.lens.size_px)] = (
            scenery.FIRST_THING + number
        )
    return index


def test_a_plan_depends_on_seed_part_and_number_alone():
    first, again = (layout.plan_site(5, "train", 3) for _ in range(2))
    assert first.things == again.things
    assert first.terrain == again.terrain
    others = [layout.plan_site(6, "train", 3), layout.plan_site(5, "val", 3), layout.plan_site(5, "train", 4)]
    assert all(other.things != first.things for other in others)
    assert plan_view(5, "train", 18, first, 640) == plan_view(5, "train", 18, again, 640)


def test_parts_share_no_look_no_ground_and_no_piece_of_a_real_photo():
    for kind in ("standing", "household", "boat", "boulder"):
        looks = [assets.look(kind, part, 0).vertices_m for part in assets.PARTS]
        assert all(a.shape != b.shape or not np.allclose(a, b) for a, b in itertools.combinations(looks, 2))
    wear = [ground_pictures.wear(part, 0) for part in assets.PARTS]
    assert not any((a == b).all() for a, b in itertools.combinations(wear, 2))
    pieces = [(part, *piece) for part, list_of in ground_pictures.CROPS.items() for piece in list_of]
    for (part, name, box), (other_part, other_name, other) in itertools.combinations(pieces, 2):
        apart = box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
        assert part == other_part or name != other_name or apart


def test_a_look_that_a_part_does_not_have_is_refused():
    with pytest.raises(ValueError, match="not among the 10 of val"):
        assets.look("standing", "val", 10)


@pytest.mark.parametrize("kind", sorted(assets.KINDS))
def test_every_kind_is_a_sound_shape_that_stands_on_the_ground(kind):
    solid = assets.look(kind, "test", 1)
    low, high = solid.box_m()
    assert np.isfinite(solid.vertices_m).all()
    assert (high - low > 0.01).all()
    assert high[2] > 0.05
    assert low[2] > -2.1
    assert 0 <= solid.colours.min() <= solid.colours.max() <= 1.3


def test_people_are_as_tall_as_people():
    heights = [np.ptp(assets.look("standing", "train", n).box_m(), axis=0)[2] for n in range(20)]
    assert 1.4 < min(heights) < max(heights) < 1.95
    assert 1.55 < np.mean(heights) < 1.8


def test_a_camera_straight_above_sees_north_at_the_top_and_east_to_the_right():
    view = a_view(height_m=40, focal_px=1000, size_px=200)
    pixels, depth = project(view.pose, view.lens, [(0, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 20)])
    np.testing.assert_allclose(pixels, [(100, 100), (150, 100), (100, 50), (100, 100)], atol=1e-9)
    np.testing.assert_allclose(depth, [40, 40, 40, 20])


def test_a_window_is_a_piece_of_the_whole_picture():
    pose = Pose(at_m=(3, -20, 30), heading_deg=35, pitch_deg=-50, roll_deg=2)
    whole = Lens(focal_px=900, size_px=1000, offset_px=(0, 0))
    window = Lens(focal_px=900, size_px=200, offset_px=(150, -90))
    points = np.random.default_rng(1).uniform(-10, 10, (20, 3))
    in_whole, _ = project(pose, whole, points)
    in_window, _ = project(pose, window, points)
    np.testing.assert_allclose(in_window, in_whole - (500 + 150 - 100, 500 - 90 - 100), atol=1e-9)


def test_a_ray_leads_back_to_the_point_that_was_projected():
    pose = Pose(at_m=(3, -20, 30), heading_deg=200, pitch_deg=-40, roll_deg=-3)
    lens = Lens(focal_px=900, size_px=640, offset_px=(40, 80))
    point = np.array([1.0, -33.0, 0.5])
    pixel, _ = project(pose, lens, point[None])
    way = ray(pose, lens, tuple(pixel[0]))
    toward = (point - pose.at_m) / np.linalg.norm(point - pose.at_m)
    np.testing.assert_allclose(way, toward, atol=1e-9)


def test_cameras_stay_within_what_was_asked_for():
    site = layout.plan_site(2, "train", 6)
    heights, pitches = [], []
    for number in range(40):
        view = plan_view(2, "train", number, site, 640)
        corners = [ray(view.pose, view.lens, (x, y)) for x in (0.0, 640.0) for y in (0.0, 640.0)]
        assert max(way[2] for way in corners) <= -np.sin(np.radians(LEAST_DEPRESSION_DEG)) + 1e-9
        assert -90 <= view.pose.pitch_deg <= -30
        assert 60 <= view.fov_deg <= 84
        heights.append(view.pose.at_m[2])
        pitches.append(view.pose.pitch_deg)
    assert min(heights) < 40
    assert max(heights) > 90
    assert len(set(np.round(pitches))) > 10


def test_a_shore_falls_to_its_water_and_a_plain_is_flat():
    plans = (layout.plan_site(1, "train", n) for n in range(30))
    shore = next(site for site in plans if site.kind == "shore").terrain
    on_land, at_edge, in_water = (shore.height_m(*shore.point(4.0, across)) for across in (40.0, 0.0, -5.0))
    assert on_land == 0
    np.testing.assert_allclose(at_edge, shore.water_z_m, atol=1e-6)
    assert in_water < shore.water_z_m
    along, across = shore.along_across(*shore.point(7.0, 3.0))
    np.testing.assert_allclose([along, across], [7, 3], atol=1e-9)


def test_anglers_sit_at_the_water_and_others_are_told_apart():
    anglers, others = [], []
    for number in range(20):
        site = layout.plan_site(9, "train", number)
        for thing in site.things:
            if thing.angler:
                anglers.append((site, thing))
            elif assets.KINDS[thing.kind].label == "person":
                assert thing.angler is False
                others.append(thing)
            else:
                assert thing.angler is None
    assert len(anglers) > 8
    assert len(others) > 15
    for site, thing in anglers:
        _, across = site.terrain.along_across(*thing.at_m[:2])
        assert site.kind == "shore"
        assert across < site.terrain.bank_wide_m + 0.1
        gear = [t for t in site.things if t.kind == "rod" and np.hypot(*np.subtract(t.at_m, thing.at_m)[:2]) < 3]
        assert gear


def test_the_net_is_cut_where_the_field_falls_below_the_level():
    along = np.linspace(-1.3, 1.3, puddles.CELLS + 1)
    x, y = np.meshgrid(along, along)
    field = (1.0 - np.hypot(x, y)).astype(np.float32)
    points, faces, values = puddles.above(field, 0.0, 2.0)
    a, b, c = (points[faces[:, i]] for i in range(3))
    ab, ac = b - a, c - a
    area = 0.5 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    assert (area > -1e-6).all()
    np.testing.assert_allclose(area.sum(), np.pi * 4, rtol=0.01)
    assert values.min() >= 0
    np.testing.assert_allclose(np.hypot(*points[values < 1e-6].T), 2.0, atol=0.02)


def test_a_puddle_lies_within_its_wet_rim():
    puddle = puddles.puddle(np.random.default_rng(4), 2.0, (0.11, 0.11, 0.11))
    (low, high), (rim_low, rim_high) = ((f.points_m.min(0), f.points_m.max(0)) for f in (puddle.water, puddle.rim))
    assert (rim_low <= low + 1e-6).all()
    assert (rim_high >= high - 1e-6).all()
    assert puddle.water.colours.max() < 0.6


def test_brown_puddles_are_the_most_frequent():
    browns = [puddles.puddle(np.random.default_rng(n), 1.0, (0.1, 0.1, 0.1)).brown for n in range(25)]
    assert 0.45 < np.mean(browns) < 0.85


def test_a_shape_covers_as_many_pixels_as_geometry_says():
    block = solids.box((2.0, 1.0, 0.02), (0.5, 0.5, 0.5))
    view = a_view(height_m=40, focal_px=1000, size_px=200)
    pixels, _ = project(view.pose, view.lens, block.vertices_m)
    assert silhouette(pixels, block.faces, 200).sum() == pytest.approx(50 * 25, rel=0.06)


def test_a_person_that_nothing_hides_gets_the_box_of_its_projection():
    site, view = a_site(a_thing(at_m=(1.0, 1.0, 0.0), angler=True)), a_view(pitch_deg=-60, at_m=(0, -20, 35))
    (one,) = seen_things(site, view, "train", seen_by(site, view))
    pixels, _ = project(view.pose, view.lens, placed_m(site.things[0], "train")[0])
    np.testing.assert_allclose(one.box_xyxy_px, [*pixels.min(0), *pixels.max(0)])
    assert (one.label, one.labelled, one.inside) == ("person", True, 1.0)
    assert one.record()["angler"] is True
    assert one.visible > 0.9
    foot, _ = project(view.pose, view.lens, np.array([[1.0, 1.0, 0.0]]))
    np.testing.assert_allclose(one.foot_px, foot[0])


def test_what_is_half_hidden_gets_the_box_of_what_is_seen_and_what_is_hidden_gets_none():
    site, view = a_site(a_thing("car")), a_view()
    whole = seen_by(site, view)
    rows = np.nonzero((whole == scenery.FIRST_THING).any(axis=1))[0]
    half = whole.copy()
    half[: (rows[0] + rows[-1]) // 2] = scenery.GROUND
    (one,) = seen_things(site, view, "train", half)
    assert 0.35 < one.visible < 0.65
    assert one.labelled
    assert one.box_xyxy_px[1] == (rows[0] + rows[-1]) // 2
    mostly = whole.copy()
    mostly[: rows[-1] - (rows[-1] - rows[0]) // 5] = scenery.GROUND
    (one,) = seen_things(site, view, "train", mostly)
    assert not one.labelled
    assert seen_things(site, view, "train", np.full_like(whole, scenery.GROUND)) == []


def test_what_is_too_small_or_belongs_to_no_class_gets_no_label():
    far = a_view(height_m=100)
    site = a_site(a_thing("bucket"))
    (one,) = seen_things(site, far, "train", seen_by(site, far))
    assert one.size_px < 6
    assert not one.labelled
    stones = a_site(a_thing("boulder"))
    (one,) = seen_things(stones, a_view(), "train", seen_by(stones, a_view()))
    assert (one.label, one.labelled) == (None, False)


def test_water_is_told_apart_by_its_kind():
    site = layout.plan_site(1, "train", 5)
    assert site.puddles
    index = np.full((20, 20), scenery.GROUND, np.int32)
    index[:5] = scenery.RESERVOIR
    index[10:12] = scenery.FIRST_THING + len(site.things)
    reservoir, puddle = water_masks(site, index)
    assert (reservoir.sum(), puddle.sum()) == (100, 40)


def test_labels_are_read_back_by_the_training_tools(tmp_path):
    site, view = a_site(a_thing("car")), a_view()
    water = np.zeros((200, 200), bool)
    water[20:60, 30:90] = True
    lines = generate.label_lines(seen_things(site, view, "train", seen_by(site, view)), water)
    path = tmp_path / "one.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    car, pool = read_labels(path)
    assert (car.label, pool.label) == ("vehicle", "standing_water")
    np.testing.assert_allclose([pool.left, pool.top, pool.right, pool.bottom], [0.15, 0.1, 0.45, 0.3], atol=0.004)


def test_every_part_advances_in_step_and_gets_all_its_sites():
    counts = {"train": 1200, "val": 120, "test": 180}
    order = list(generate.sites_in_turn(counts))
    assert {part: sum(p == part for p, _ in order) for part in counts} == {"train": 200, "val": 20, "test": 30}
    assert len(set(order)) == 250
    early = [part for part, _ in order[:50]]
    assert (early.count("train"), early.count("val"), early.count("test")) == (40, 4, 6)


def test_two_processes_divide_the_sites_between_them():
    with pytest.raises(ValueError, match="share"):
        generate.Order(out=None, grounds=None, counts={"train": 1}, seed=1, share=(2, 2))


def a_written_set(out, seed=3):
    order = generate.Order(out=out, grounds=out, counts={"train": 2, "val": 0, "test": 0}, seed=seed, size_px=200)
    generate._claim(order)
    site = a_site(a_thing("standing", angler=True), a_thing("boulder", at_m=(2.0, 2.0, 0.0)))
    view = a_view(height_m=20)
    index = seen_by(site, view)
    index[150:] = scenery.RESERVOIR
    picture = np.full((200, 200, 3), 90, np.uint8)
    generate.write(order, "train", 0, 0, site, view, picture, index)
    return order


def test_a_written_picture_comes_with_labels_mask_and_manifest(tmp_path):
    a_written_set(tmp_path)
    row = json.loads((tmp_path / "train/meta/scene_train_00000.json").read_text())
    assert (row["objects"][0]["label"], row["objects"][0]["angler"]) == ("person", True)
    assert row["lookalikes"][0]["kind"] == "boulder"
    assert row["water"]["reservoir_px"] == 50 * 200
    mask = cv2.imread(str(tmp_path / "train/masks/scene_train_00000.png"), cv2.IMREAD_GRAYSCALE)
    assert set(np.unique(mask)) == {0, 255}
    assert mask[160:].all()
    assert {box.label for box in read_labels(tmp_path / "train/labels/scene_train_00000.txt")} == {
        "person",
        "standing_water",
    }
    assert not list((tmp_path / "train/meta").glob("*.part"))


def test_a_rendered_set_is_a_data_set_like_any_other(tmp_path):
    a_written_set(tmp_path)
    found = read_data_set(tmp_path)
    (sample,) = found.samples
    assert (sample.part, sample.viewpoint, sample.source) == ("train", "rendered", "scenes")
    assert sample.labelled == frozenset(LABELS)
    assert sample.mask_path.is_file()
    assert {shape.label for shape in found.shapes(sample)} == {"person", "standing_water"}


def test_the_summary_and_the_sheet_tell_what_is_there(tmp_path):
    a_written_set(tmp_path)
    counted = inspect.summary(tmp_path)
    assert counted["labels"] == list(LABELS)
    assert counted["train"]["pictures"] == 1
    assert counted["train"]["person"] == {"angler": 1}
    assert counted["train"]["with_reservoir"] == 1
    assert counted["val"]["pictures"] == 0
    assert cli.main(["sheet", "--out", str(tmp_path), "--picture", str(tmp_path / "sheet.png")]) == 0
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (200, 800, 3)


def test_an_empty_part_has_no_sheet(tmp_path, capsys):
    arguments = ["sheet", "--out", str(tmp_path), "--part", "val", "--picture", str(tmp_path / "x.png")]
    assert cli.main(arguments) == 2
    assert "render first" in capsys.readouterr().err


def test_a_set_of_another_seed_is_not_mixed_in(tmp_path):
    a_written_set(tmp_path)
    with pytest.raises(BadScenesError, match="another seed"):
        a_written_set(tmp_path, seed=4)


def test_without_blender_the_message_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    assert cli.main(["render", "--out", str(tmp_path), "--grounds", str(tmp_path), "--train", "1"]) == 2
    message = capsys.readouterr().err
    assert "flyonce[scenes]" in message
    order = generate.Order(out=tmp_path, grounds=tmp_path, counts={"train": 1}, seed=1)
    with pytest.raises(NoBlenderError):
        generate.render(order)


def an_exr(channels, compression=0, size=(3, 2)):
    """A scan-line EXR of float channels, as the format's specification says."""
    width, height = size
    names = sorted(channels)
    listing = b"".join(name.encode() + b"\0" + struct.pack("<i4xii", 2, 1, 1) for name in names) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = b"v/1\x01" + struct.pack("<i", 2)
    for name, kind, value in (
        ("channels", "chlist", listing),
        ("compression", "compression", bytes([compression])),
        ("dataWindow", "box2i", window),
    ):
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    body = b""
    for y in range(height):
        rows = b"".join(np.asarray(channels[name][y], "<f4").tobytes() for name in names)
        body += struct.pack("<ii", y, len(rows)) + rows
    return head + b"\0" * (8 * height) + body


def test_many_channels_are_read_from_one_exr_file(tmp_path):
    rng = np.random.default_rng(2)
    channels = {name: rng.random((2, 3), np.float32) for name in ("Layer.Depth.Z", "Layer.Combined.R", "Layer.Index.X")}
    path = tmp_path / "shot.exr"
    path.write_bytes(an_exr(channels))
    found = read_exr(path)
    assert set(found) == set(channels)
    for name, values in channels.items():
        np.testing.assert_array_equal(found[name], values)


def test_an_exr_that_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "shot.exr"
    path.write_bytes(an_exr({"R": np.zeros((2, 3))}, compression=3))
    with pytest.raises(RenderError, match="compressed"):
        read_exr(path)
    path.write_bytes(b"no such thing")
    with pytest.raises(RenderError, match="no EXR"):
        read_exr(path)


def test_development_smooths_water_alone_and_repeats_itself():
    rng = np.random.default_rng(1)
    light = rng.random((64, 64, 3), np.float32)
    water = np.zeros((64, 64), bool)
    water[:, 32:] = True
    calm = develop.calmed(light, water, 25.0)
    np.testing.assert_array_equal(calm[~water], light[~water])
    assert calm[water].std() < 0.5 * light[water].std()
    depth = np.full((64, 64), 40.0, np.float32)
    first, again = (develop.develop(light, depth, water, a_view(size_px=64)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.uint8


def test_haze_brings_dark_things_closer_to_the_sky():
    light = np.full((64, 64, 3), 0.02, np.float32)
    depth = np.full((64, 64), 300.0, np.float32)
    dry = np.zeros((64, 64), bool)
    weathers = [dataclasses.replace(WEATHER, haze_per_m=haze) for haze in (0.0, 0.003)]
    views = [dataclasses.replace(a_view(size_px=64), weather=weather) for weather in weathers]
    clear, hazy = (develop.develop(light, depth, dry, view) for view in views)
    assert hazy.mean() > clear.mean() + 30


def test_a_hollow_is_darker_than_a_plain():
    depth = np.full((80, 80), 40.0, np.float32)
    depth[38:42, 38:42] = 40.6
    shade = develop.crevices(depth, 20.0)
    assert shade[40, 40] < 0.75
    assert shade[5, 5] == 1.0
