"""How this city sends its messages: from settings and configuration to the relay's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatch_api.cases.matters import Matters
    from dispatch_api.deliveries.service import Delivering
    from dispatch_api.departments.model import Departments
    from dispatch_api.store import Store
    from flyonce.settings import Settings


def delivering(store: Store, settings: Settings, *, matters: Matters, departments: Departments) -> Delivering:
    """The relay's parts, nothing running yet.

    Raises:
        InvalidRequest: A setting cannot be used; it is named.
    """
    from dispatch_api.deliveries.service import Delivering, Sending

    sending = Sending.of(
        networks=settings.delivery_networks,
        type_prefix=settings.event_prefix,
        source=settings.event_source,
        public_url=settings.public_url,
        mail_url=settings.mail_url,
    )
    return Delivering(store=store, matters=matters, departments=departments, sending=sending)
