import pytest

from flyonce.settings import Settings, SettingsError


@pytest.mark.parametrize(("variable", "value"), [("FLYONCE_ENGINE", "abacus"), ("FLYONCE_WORKERS", "many")])
def test_a_setting_that_cannot_be_used_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=f"{variable}: .*{value}"):
        Settings()


def test_an_engine_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYONCE_ENGINE", "openvino")

    assert Settings().engine == "openvino"
