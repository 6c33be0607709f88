"""What a citizen sends."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

# A pin that somebody sets with a finger on a map, or takes from a phone between houses.
PIN_SIGMA_M = 20.0

_CONTACT = ("email", "device_id", "account_id", "first_name", "last_name", "phone")
_PRIVATE = (
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII),
    # Telephone, identity card and bank card numbers, also with blanks or dashes between.
    re.compile(r"(?<!\d)\d(?:[ -]?\d){6,}[Xx]?(?!\d)"),
)


def _filled(value: object) -> object:
    """Clients send fields that nobody filled in as empty text."""
    return None if isinstance(value, str) and not value.strip() else value


Blank = BeforeValidator(_filled)

# The bounds stand at the inner type: at the outer one they would be asked of None as well.
Words = Annotated[Annotated[str, Field(max_length=200)] | None, Blank]
Place = Annotated[Annotated[str, Field(max_length=500)] | None, Blank]
Story = Annotated[Annotated[str, Field(max_length=4000)] | None, Blank]
Link = Annotated[Annotated[str, Field(max_length=2000)] | None, Blank]
Latitude = Annotated[Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None, Blank]
Longitude = Annotated[Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None, Blank]


class ReportForm(BaseModel):
    """The form of `POST /requests`, as the standard names its fields; others (`attribute[…]`) are passed over."""

    model_config = ConfigDict(frozen=True)

    service_code: str = Field(min_length=1, max_length=64)
    lat: Latitude = None
    long: Longitude = None
    address_string: Place = None
    address_id: Words = None
    description: Story = None
    media_url: Link = None
    jurisdiction_id: Words = None
    api_key: Words = None
    email: Words = None
    device_id: Words = None
    account_id: Words = None
    first_name: Words = None
    last_name: Words = None
    phone: Words = None

    @field_validator("media_url")
    @classmethod
    def _is_a_link(cls, url: str | None) -> str | None:
        if url is not None and (not url.isprintable() or not _leads_to_the_web(url)):
            raise ValueError("write an http or https address")
        return url

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if (self.lat is None) != (self.long is None):
            raise ValueError("lat and long go together")
        if self.lat is None and self.address_string is None and self.address_id is None:
            raise ValueError("give lat and long, address_string or address_id")
        return self

    @property
    def contact(self) -> dict[str, str]:
        """What was said of the person; for the centre only."""
        said = {name: getattr(self, name) for name in _CONTACT}
        return {name: value for name, value in said.items() if value is not None}


def _leads_to_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def without_private_numbers(text: str) -> str:
    """A description as everybody may read it: telephone and card numbers and e-mail addresses are hidden."""
    for pattern in _PRIVATE:
        text = pattern.sub("***", text)
    return text
