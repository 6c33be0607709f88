"""What a flight's log is made of, message by message."""

from __future__ import annotations

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.flying.recorder import Recorder
from flightplan.link.mavlink import Autopilot
from flightplan.link.modes import Mode


def received(message, number=0, component=1):
    codec = dialect.MAVLink(None, srcSystem=1, srcComponent=component)
    codec.seq = number
    return dialect.MAVLink(None).parse_buffer(message.pack(codec))[0]


def a_heartbeat(mode=3, armed=True, autopilot=3):
    return dialect.MAVLink_heartbeat_message(13, autopilot, 1 | 128 * armed, mode, 4, 3)


def a_recorder(autopilot=Autopilot.ARDUPILOT):
    return Recorder(None, None, autopilot)


def a_position(at_ms, number):
    return received(
        dialect.MAVLink_global_position_int_message(at_ms, 289_000_000, 1_188_000_000, 0, 0, 0, 0, 0, 0), number
    )


def test_the_heartbeat_of_a_gimbal_does_not_disarm_the_drone():
    recorder = a_recorder()
    recorder.take(received(a_heartbeat(), 1))
    gimbal = a_heartbeat(mode=0, armed=False, autopilot=dialect.MAV_AUTOPILOT_INVALID)
    recorder.take(received(gimbal, 2, component=154))

    assert recorder.armed
    assert recorder.mode is Mode.AUTO


def test_a_heartbeat_that_was_overtaken_does_not_bring_back_an_old_mode():
    recorder = a_recorder()
    recorder.take(received(a_heartbeat(mode=4), 250))
    recorder.take(received(a_heartbeat(mode=3), 3))
    recorder.take(received(a_heartbeat(mode=4), 255))

    assert recorder.mode is Mode.AUTO
    recorder.take(received(a_heartbeat(mode=6), 4))
    assert recorder.mode is Mode.RTL


def test_after_a_long_silence_packets_count_again_from_anywhere():
    recorder = a_recorder()
    recorder.take(received(a_heartbeat(mode=4), 200))
    recorder.take(received(a_heartbeat(mode=6), 100))

    assert recorder.mode is Mode.RTL


def test_positions_come_in_their_order_and_once():
    recorder = a_recorder()
    recorder.take(received(dialect.MAVLink_system_time_message(1_700_000_000_000_000, 0)))
    for at_ms, number in ((1_000, 1), (2_000, 3), (1_500, 2), (2_000, 3), (2_500, 4)):
        recorder.take(a_position(at_ms, number))

    assert [round(event.at.timestamp() % 10, 1) for event in recorder.track] == [1.0, 2.0, 2.5]


def test_a_picture_told_twice_is_one_picture():
    recorder = a_recorder(Autopilot.PX4)
    captured = dialect.MAVLink_camera_image_captured_message(
        0, 1_700_000_000_000_000, 0, 289_000_000, 1_188_000_000, 0, 0, [1.0, 0.0, 0.0, 0.0], 7, 1, b""
    )
    failed = dialect.MAVLink_camera_image_captured_message(
        0, 1_700_000_001_000_000, 0, 289_000_000, 1_188_000_000, 0, 0, [1.0, 0.0, 0.0, 0.0], 8, 0, b""
    )
    for message in (captured, captured, failed):
        recorder.take(received(message))

    assert [photo.index for photo in recorder.photos] == [7]
    assert recorder.photos[0].pitch_deg == 0.0


def test_items_count_from_one_in_both_dialects():
    for autopilot, number in ((Autopilot.ARDUPILOT, 5), (Autopilot.PX4, 4)):
        recorder = a_recorder(autopilot)
        recorder.take(received(dialect.MAVLink_mission_current_message(number)))
        recorder.take(received(dialect.MAVLink_mission_item_reached_message(number)))

        assert (recorder.item, recorder.last_item) == (5, 5)


def test_a_mission_flown_to_its_end_is_complete_though_its_last_message_was_lost():
    recorder = a_recorder()
    recorder.take(received(dialect.MAVLink_mission_current_message(12)))
    recorder.take(received(a_heartbeat(mode=3, armed=False), 1))

    assert recorder.log(items=12, tlog_path=None, plan_hash="", break_point=None).completed
    assert not recorder.log(items=13, tlog_path=None, plan_hash="", break_point=None).completed
