"""The term that trains for overlap: what it says of pixels, what it moves, and that `flyonce train` reaches it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vision.training.overlap_loss import NOT_JUDGED, overlap_loss, surface_loss
from vision.training.train import _run_in_bfloat16


def _bits(text):
    import torch

    return torch.tensor([letter == "w" for letter in text])


def _sure(text):
    """Logits that lie exactly on the margin, so that a wrong pixel's error is 2 and a right one's 0."""
    return _bits(text).float() * 2 - 1


@pytest.mark.parametrize(
    ("found", "water", "iou"),
    [
        ("wwww----", "wwww----", 1.0),
        ("ww------", "wwww----", 0.5),
        ("wwwwww--", "wwww----", 4 / 6),
        ("----", "ww--", 0),
    ],
)
def test_sure_answers_cost_what_their_overlap_lacks(found, water, iou):
    assert float(overlap_loss(_sure(found), _bits(water))) == pytest.approx(2 * (1 - iou))


def test_the_order_of_the_pixels_does_not_matter():
    import torch

    torch.manual_seed(3)
    logits, water = torch.randn(200), torch.rand(200) > 0.6
    order = torch.randperm(200)
    assert float(overlap_loss(logits, water)) == pytest.approx(
        float(overlap_loss(logits[order], water[order])), rel=1e-5
    )


def test_a_missed_pixel_of_little_water_weighs_more_than_one_of_much():
    import torch

    def pull(water_pixels):
        water = torch.arange(100) < water_pixels
        logits = torch.where(water, 3.0, -3.0)
        logits[0] = -0.5
        logits.requires_grad_(True)
        overlap_loss(logits, water).backward()
        return -float(logits.grad[0])

    assert pull(4) == pytest.approx(1 / 4)
    assert pull(50) == pytest.approx(1 / 50)


def test_no_pixels_cost_nothing_and_dry_ground_costs_its_alarms():
    import torch

    assert float(overlap_loss(torch.zeros(0), torch.zeros(0, dtype=torch.bool))) == 0
    assert float(overlap_loss(_sure("----"), _bits("----"))) == 0
    assert float(overlap_loss(_sure("w---"), _bits("----"))) == 2


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    from vision.training.train import prepare_environment

    prepare_environment(1, quiet=True)
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import SemanticSegmentationModel

    model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=1, verbose=False)
    model.args = get_cfg()
    return model


def _batch(side_px=64):
    import torch

    masks = torch.zeros(2, side_px, side_px, dtype=torch.int32)
    masks[:, side_px // 2 :] = 1
    masks[:, : side_px // 4] = NOT_JUDGED
    return {"semantic_mask": masks}


def _answers(value, side_px=64):
    import torch

    map_px = side_px // 8
    main = torch.full((2, 1, map_px, map_px), float(value), requires_grad=True)
    return main, torch.zeros(2, 1, map_px // 2, map_px // 2)


def test_the_term_is_added_to_the_loss_by_its_weight(network):
    totals, terms = {}, {}
    for weight in (0.0, 1.0, 2.5):
        total, items = surface_loss(network, weight)(_answers(-1), _batch())
        totals[weight], terms[weight] = float(total.detach()), float(items["overlap_loss"])
    # all water is missed: 2 x (1 - 0), and the loss is given for the two pictures together
    assert terms == pytest.approx({0.0: 0.0, 1.0: 2.0, 2.5: 5.0})
    assert totals[1.0] - totals[0.0] == pytest.approx(2 * 2.0)
    assert totals[2.5] - totals[0.0] == pytest.approx(2 * 5.0)


def test_what_was_not_judged_moves_nothing(network):
    answers = _answers(1)
    total, _ = surface_loss(network, 1.0)(answers, _batch())
    total.backward()
    pull = answers[0].grad.abs().amax(dim=(0, 1, 3))
    assert float(pull[0]) == 0  # the uppermost eighth: not judged, and so is all that it is interpolated with
    assert float(pull[2]) > 0  # dry, and called water


def test_a_step_in_sixteen_bits_is_summed_in_thirty_two(network):
    import torch

    main, beside = _answers(-0.3, side_px=512)
    whole, _ = surface_loss(network, 1.0)((main, beside), _batch(512))
    halved, items = surface_loss(network, 1.0)((main.bfloat16(), beside.bfloat16()), _batch(512))
    assert halved.dtype == items["overlap_loss"].dtype == torch.float32
    assert float(halved.detach()) == pytest.approx(float(whole.detach()), rel=2e-3)


def test_on_a_processor_the_network_answers_in_sixteen_bits_and_keeps_its_weights_in_thirty_two(network):
    import torch
    from ultralytics.utils.torch_utils import autocast

    trainer = SimpleNamespace(model=network.train(), amp=False)
    _run_in_bfloat16(trainer)
    with autocast(trainer.amp, device="cpu"):  # as ultralytics' trainer takes a step
        main, beside = network(torch.zeros(2, 3, 64, 64))
    assert main.dtype == beside.dtype == torch.bfloat16
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
