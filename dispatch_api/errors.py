"""Errors of `dispatch_api`, drawn as a tree, and the one table that gives each its HTTP face.

DispatchError
├── ConfigurationError        a file of matters, departments or routing rules cannot be used
├── StoreError
│   ├── StoreUrlError         the store's URL cannot be used (form, folder, rights, not a database)
│   ├── StoreSchemaError      the store was made by an older or newer version
│   ├── StoreUnreachable      the server of the database cannot be asked (gone, wrong password, no such database)
│   ├── StoreBusy             another process kept the store locked for too long
│   ├── StoreFull             the disk is full; the change was not made
│   ├── StoreTaken            there is a store already where a backup should be restored
│   ├── BackupError           a file is no backup, is damaged, or is in the way of a new one
│   ├── StoreClosed           a write came after the store was closed
│   └── ChainBroken           the history was changed: names the first entry that does not fit
├── EvidenceError             an original is missing, unreadable or not the file it is said to be
│   └── EvidenceGone          an original was removed after its retention
├── StampError                a time stamp cannot be had, or does not hold
├── IllegalTransition         a state change that the table does not allow; carries the allowed ones
├── InvalidRequest            a request that lacks something the change needs
├── NotFound                  no such thing, or none that the asker may see
├── Forbidden                 the asker's role may not do that
│   └── NotAdmitted           no role, scope or key of the asker opens that address
├── NotLoggedIn               no session
├── WrongCredentials          name or password does not fit
├── ProviderFailed            the provider of the city's own log-in cannot be asked
├── TooManyAttempts           log-ins, or reports, are throttled
├── AccountExists             an account of that name is already there
├── KeyExists                 a key of that name is already there, or was once
├── LostUpdate                the thing was changed since the asker read it
├── AnsweredBefore            an idempotency key comes again with another request
├── EventsGone                the live stream cannot go on where the asker was: load everything anew
├── AccessUndeclared          a route says nowhere who may call it: the service does not start
├── ReceiverExists            a receiver of that name is already there
└── AddressRefused            messages must not go to that address
"""

from __future__ import annotations

from collections.abc import Sequence


class DispatchError(Exception):
    """Anything that `dispatch_api` refuses to do."""


class ConfigurationError(DispatchError):
    """A configuration file cannot be used: names the file, the place in it, what is wrong and the remedy."""

    def __init__(self, *, path: object, place: str, problem: str, remedy: str) -> None:
        self.path = str(path)
        self.place = place
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{self.path}, {place}: {problem}. {remedy}.")


class StoreError(DispatchError):
    """The store cannot do what was asked."""


class StoreUrlError(StoreError):
    """The URL of the store cannot be used: `url`, what is wrong and the remedy."""

    def __init__(self, *, url: str, problem: str, remedy: str) -> None:
        self.url = url
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"store {url}: {problem}. {remedy}.")


class StoreSchemaError(StoreError):
    """The schema of the store is not the one this version works with."""

    def __init__(self, *, url: str, found: str | None, needed: str, newer: bool) -> None:
        self.url = url
        self.found = found
        self.needed = needed
        if newer:
            text = f"its schema {found!r} is unknown here, so a newer flyonce wrote it. Upgrade flyonce"
        else:
            text = (
                f"its schema is {found or 'missing'}, this version needs {needed}. "
                f"Run `flyonce db upgrade --store {url}`"
            )
        super().__init__(f"store {url}: {text}.")


class StoreUnreachable(StoreError):
    """The server that keeps the store does not answer, or does not let us in: `url`, what it says and the remedy."""

    def __init__(self, *, url: str, problem: str, remedy: str) -> None:
        self.url = url
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"store {url}: its database cannot be reached ({problem}). {remedy}.")


class StoreBusy(StoreError):
    """Another process held the store's write lock for longer than we wait."""

    def __init__(self, *, url: str, waited_s: float) -> None:
        self.url = url
        self.waited_s = waited_s
        super().__init__(f"store {url} was locked by another process for more than {waited_s:.0f} s; try again.")


class StoreFull(StoreError):
    """There is no room left where the store lies; the change that did not fit was not made."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        super().__init__(f"store {url}: the disk is full. Make room and do the same again: nothing is recorded twice.")


class StoreTaken(StoreError):
    """Something is there already where a backup should be restored; it is never written over."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        super().__init__(f"store {url}: something is there already. Restore into a new file or an empty database.")


class BackupError(StoreError):
    """A file of a backup cannot be used or written: names it, what is wrong and the remedy."""

    def __init__(self, *, path: object, problem: str, remedy: str) -> None:
        self.path = str(path)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{self.path}: {problem}. {remedy}.")


class StoreClosed(StoreError):
    """A write was handed in after the store had been closed."""


class ChainBroken(StoreError):
    """The hash chain of the history does not fit: an entry was changed, removed or slipped in at `seq`."""

    def __init__(self, *, seq: int, problem: str) -> None:
        self.seq = seq
        self.problem = problem
        super().__init__(f"event {seq}: {problem}.")


class EvidenceError(DispatchError):
    """A file of evidence cannot be used: names it, what is wrong and the remedy."""

    def __init__(self, *, path: object, problem: str, remedy: str) -> None:
        self.path = str(path)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{self.path}: {problem}. {remedy}.")


class EvidenceGone(EvidenceError):
    """An original was removed after its retention; its hash, its copies and the history of it are kept."""


class StampError(DispatchError):
    """A time stamp cannot be had or does not hold: `source` says which, and what is wrong with it."""

    def __init__(self, *, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"{source}: {problem}.")


class IllegalTransition(DispatchError):
    """The table does not allow this change of state; `allowed` are the states the asker may choose instead."""

    def __init__(self, *, subject: str, current: str, to: str, allowed: Sequence[str], why: str = "") -> None:
        self.subject = subject
        self.current = current
        self.to = to
        self.allowed = tuple(allowed)
        self.why = why
        reason = why or f"{current} may not become {to}"
        super().__init__(f"{subject}: {reason}; allowed now: {', '.join(self.allowed) or 'nothing'}.")


class InvalidRequest(DispatchError):
    """The change needs something that the request does not carry; `field` names it."""

    def __init__(self, *, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}.")


class NotFound(DispatchError):
    """No such thing, or none that the asker may see (the two look the same on purpose)."""

    def __init__(self, *, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} {key!r}.")


class Forbidden(DispatchError):
    """The asker's role may not do that."""


class NotAdmitted(Forbidden):
    """The address is not for this role, or not for this key, whatever is asked of it."""


class NotLoggedIn(DispatchError):
    """The request carries no session, or one that has ended."""


class WrongCredentials(DispatchError):
    """Name or password does not fit; which of the two is not said."""


class ProviderFailed(DispatchError):
    """The provider of the city's own log-in does not answer, or answers nonsense; the log says what."""

    def __init__(self, *, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name} cannot be asked: {problem}.")


class TooManyAttempts(DispatchError):
    """Log-ins of this name, or what comes from this address, are throttled for `retry_after_s` seconds."""

    def __init__(self, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many attempts; try again in {retry_after_s} s.")


class AccountExists(DispatchError):
    """An account of that name is already there."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"an account named {name!r} exists already; choose another name.")


class ReceiverExists(DispatchError):
    """A receiver of that name is already there."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"a receiver named {name!r} exists already; choose another name.")


class AddressRefused(DispatchError):
    """Messages must not go to this host's address: names the host and what is wrong with where it leads."""

    def __init__(self, *, host: str, problem: str) -> None:
        self.host = host
        self.problem = problem
        super().__init__(f"{host}: {problem}.")


class KeyExists(DispatchError):
    """A key of that name is there already, or was once: the history names keys, so a name is given once."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"a key named {name!r} exists already, or was revoked; choose another name.")


class LostUpdate(DispatchError):
    """The thing was changed since the asker read it; `version` is the one it has now."""

    def __init__(self, *, subject: str, version: int) -> None:
        self.subject = subject
        self.version = version
        super().__init__(f"{subject} was changed in between: it has version {version} now; read it again.")


class AnsweredBefore(DispatchError):
    """An `Idempotency-Key` was used before, for another request."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"the idempotency key {key!r} was used before, for another request; use a new one.")


class EventsGone(DispatchError):
    """The live stream cannot go on after that event: what came then is not kept any more, or never came."""

    def __init__(self, *, after: int) -> None:
        self.after = after
        super().__init__(
            f"the stream cannot go on after {after}, for what came then is not kept; load everything anew."
        )


class AccessUndeclared(DispatchError):
    """A route says nowhere who may call it."""

    def __init__(self, *, route: str) -> None:
        self.route = route
        super().__init__(f"the route {route} has no access rule; declare one with `open_to` or `open_to_anybody`.")


HTTP_FACES: tuple[tuple[type[DispatchError], int, str, str], ...] = (
    (IllegalTransition, 409, "illegal-transition", "This change of state is not allowed"),
    (AccountExists, 409, "account-exists", "The name is taken"),
    (KeyExists, 409, "key-exists", "The name is taken"),
    (AnsweredBefore, 409, "answered-before", "The idempotency key was used for another request"),
    (EventsGone, 410, "events-gone", "What happened since is not kept any more"),
    (LostUpdate, 412, "lost-update", "It was changed in between"),
    (ReceiverExists, 409, "receiver-exists", "The name is taken"),
    (AddressRefused, 422, "address-refused", "Messages must not go there"),
    (InvalidRequest, 422, "invalid-request", "The request lacks something"),
    (NotFound, 404, "not-found", "Not found"),
    (NotAdmitted, 403, "not-admitted", "This address is not for you"),
    (Forbidden, 403, "forbidden", "Not allowed"),
    (NotLoggedIn, 401, "not-logged-in", "Log in first"),
    (WrongCredentials, 401, "wrong-credentials", "Name or password is wrong"),
    (ProviderFailed, 502, "provider-failed", "The provider of the log-in cannot be asked"),
    (TooManyAttempts, 429, "too-many-attempts", "Too many attempts"),
    (StoreUnreachable, 503, "store-unreachable", "The store's database cannot be reached"),
    (StoreBusy, 503, "store-busy", "The store is busy"),
    (StoreFull, 507, "store-full", "The disk is full"),
    (StoreClosed, 503, "store-closed", "The service is stopping"),
    (StampError, 502, "no-stamp", "A time stamp cannot be had"),
    (EvidenceGone, 410, "original-removed", "The original was removed after its retention"),
    (EvidenceError, 500, "evidence", "A file of evidence cannot be used"),
    (DispatchError, 500, "failure", "The service could not do this"),
)
"""(class, HTTP status, slug of the problem type, title): the first class that fits an error gives its face."""


def http_face(error: DispatchError) -> tuple[int, str, str]:
    """Status, slug and title of an error, from the one table."""
    return next((status, slug, title) for kind, status, slug, title in HTTP_FACES if isinstance(error, kind))
