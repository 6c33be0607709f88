"""A browser in miniature: keeps cookies, sends the CSRF token, speaks to the app without a socket."""

from __future__ import annotations

import asyncio

import httpx


class Browser:
    def __init__(self, app, base_url: str = "http://city.test", *, raise_defects: bool = True) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=raise_defects), base_url=base_url
        )
        self.csrf = ""

    def log_in(self, name: str, password: str) -> httpx.Response:
        answer = self.post("/api/v1/session", {"name": name, "password": password})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer

    def get(self, path: str, **params) -> httpx.Response:
        return self._do(self._client.get(path, params=params or None))

    def json(self, path: str, **params):
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict, headers: dict[str, str] | None = None) -> httpx.Response:
        sent = {"X-CSRF-Token": self.csrf} if headers is None else headers
        return self._do(self._client.post(path, json=body, headers=sent))

    def delete(self, path: str) -> httpx.Response:
        return self._do(self._client.delete(path, headers={"X-CSRF-Token": self.csrf}))

    @property
    def cookies(self):
        return self._client.cookies

    def close(self) -> None:
        self._do(self._client.aclose())
        self._loop.close()

    def _do(self, awaitable):
        return self._loop.run_until_complete(awaitable)


class Machine(Browser):
    """A pipeline in miniature: no cookies, a key in every request."""

    def __init__(self, app, key: str | None, base_url: str = "http://city.test") -> None:
        super().__init__(app, base_url)
        if key is not None:
            self._client.headers["Authorization"] = f"Bearer {key}"

    def send(self, method: str, path: str, body=None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._do(self._client.request(method, path, json=body, headers=named))
