"""HTTP/1.1 of one connection: llhttp's parser on an event loop's protocol, and nothing in between.

A framework's objects for requests and responses cost several times what scoring a row does. Requests of one
connection are answered in their order; a large one is scored on a thread, so that other connections and /ping are
answered meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import lru_cache
from http import HTTPStatus

import httptools

from fraud.serving.requests import PARQUET, media_type
from inference_code.server.routes import Exchange, Reply, Routes, refusal
from inference_code.server.settings import Settings

LARGEST_HEAD = 64 << 10
LARGE_BODY = 32 << 10
"""From this size on a request is scored on a thread; parquet files always are, because another process reads them."""
MOST_QUEUED = 64
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Site:
    """What all connections of a worker share."""

    def __init__(self, routes: Routes, settings: Settings, executor: Executor) -> None:
        self.reply: Callable[[Exchange], Reply] = routes.reply
        self.reply_on_thread: Callable[[Exchange], Reply] = routes.reply_on_thread
        self.settings = settings
        self.executor = executor
        self.connections: set[Connection] = set()
        self.left: Callable[[], None] = lambda: None
        """Called when a connection has ended."""
        self.stopping = False

    def sweep(self) -> None:
        """End connections on which a request has been arriving for too long."""
        oldest = time.monotonic() - self.settings.request_seconds
        for connection in list(self.connections):
            if connection.arriving_since is not None and connection.arriving_since < oldest:
                connection.end_slow()

    def close_idle(self) -> None:
        """End connections on which nothing is asked."""
        for connection in list(self.connections):
            connection.close_if_idle()


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._largest = site.settings.max_body
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._parser = httptools.HttpRequestParser(self)
        self._exchange = Exchange()
        self._parts: list[bytes] = []
        self._size = self._head = 0
        self._length_announced = 0
        self._expects_continue = False
        self._in_head = self._scoring = self._ended = self._dropping = self._full = False
        self._waiting: deque[Exchange] = deque()
        self.arriving_since: float | None = None

    # The event loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._site.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._waiting.clear()
        self._site.connections.discard(self)
        self._site.left()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Another protocol is offered; the request itself has been answered, what follows is not HTTP/1.1.
            self._exchange.keep_alive = False
            if not self._scoring:
                self._end()
        except httptools.HttpParserError:
            self._refuse(refusal(400, "this is not HTTP/1.1"))
        if self._in_head and not self._ended:
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self._refuse(refusal(431, f"the request's headers are longer than {LARGEST_HEAD} bytes"))

    def pause_writing(self) -> None:
        # A caller who does not read its answers is not read either.
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._read_on()

    # The parser calls these.

    def on_message_begin(self) -> None:
        self._exchange, self._parts = Exchange(), []
        self._size = self._head = self._length_announced = 0
        self._in_head, self._expects_continue = True, False
        self.arriving_since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        self._exchange.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self._exchange.content_type = _latin(value)
        elif name == b"accept":
            # Several lines of one header are one list.
            accept, more = self._exchange.accept, _latin(value)
            self._exchange.accept = more if accept is None else f"{accept},{more}"
        elif name == b"content-length":
            self._length_announced = int(value) if value.isdigit() else 0
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif name == b"content-encoding":
            self._exchange.encoding = value.strip().lower()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._length_announced > self._largest:
            self._too_large()
        elif self._expects_continue and not self._scoring and not self._ended:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._dropping:
            return
        self._size += len(body)
        self._parts.append(body)
        if self._size > self._largest:
            self._too_large()

    def on_message_complete(self) -> None:
        self.arriving_since = None
        if self._dropping:
            # The caller has sent all of it and now reads the answer, which may still wait for its turn.
            self._dropping = False
            if not self._scoring:
                self._end()
            return
        exchange, parts = self._exchange, self._parts
        exchange.method = self._parser.get_method()
        exchange.path = exchange.path.partition(b"?")[0]
        exchange.body = parts[0] if len(parts) == 1 else b"".join(parts)
        exchange.keep_alive = self._parser.should_keep_alive()
        self._parts = []
        self._take(exchange)

    # Answers.

    def end_slow(self) -> None:
        """End the connection because a request takes too long to arrive."""
        if self._dropping:
            self._end()
        else:
            self._refuse(refusal(408, "the request did not arrive in time"))

    def close_if_idle(self) -> None:
        """End the connection unless a request is arriving or being answered."""
        if self.arriving_since is None and not self._scoring:
            self._end()

    def _take(self, exchange: Exchange) -> None:
        if not self._scoring:
            self._answer(exchange)
            return
        self._waiting.append(exchange)
        if len(self._waiting) >= MOST_QUEUED:
            self._transport.pause_reading()

    def _answer(self, exchange: Exchange) -> None:
        if exchange.reply is not None:
            self._write(exchange, exchange.reply)
        elif len(exchange.body) > LARGE_BODY or _is_parquet(exchange.content_type):
            self._scoring = True
            future = asyncio.get_running_loop().run_in_executor(
                self._site.executor, self._site.reply_on_thread, exchange
            )
            future.add_done_callback(lambda done: self._scored(exchange, done.result()))
        else:
            self._write(exchange, self._site.reply(exchange))

    def _scored(self, exchange: Exchange, reply: Reply) -> None:
        self._scoring = False
        if self._ended:
            return
        self._write(exchange, reply)
        while self._waiting and not self._scoring and not self._ended:
            self._answer(self._waiting.popleft())
        self._read_on()

    def _write(self, exchange: Exchange, reply: Reply) -> None:
        keep_alive = exchange.keep_alive and not self._site.stopping
        self._transport.write(_written(reply, keep_alive, with_body=exchange.method != b"HEAD"))
        if not keep_alive and not self._dropping:
            self._end()

    def _refuse(self, reply: Reply) -> None:
        """Answer, after those before it, what cannot be read to its end; then end the connection."""
        self.arriving_since, self._in_head = None, False
        exchange = Exchange()
        exchange.reply = reply
        self._take(exchange)

    def _too_large(self) -> None:
        exchange = Exchange()
        exchange.reply = refusal(413, f"the request is larger than {self._largest} bytes")
        # The rest is read and dropped: a caller that still sends would meet a reset instead of the answer. One that
        # asked first sends nothing more.
        self._dropping, self._parts = not self._expects_continue, []
        self._take(exchange)

    def _end(self) -> None:
        self._ended = True
        self._transport.close()

    def _read_on(self) -> None:
        if not self._ended and not self._full and len(self._waiting) < MOST_QUEUED:
            self._transport.resume_reading()


def _written(reply: Reply, keep_alive: bool, with_body: bool = True) -> bytes:
    head = _head(reply.status, reply.media_type, reply.allow, keep_alive)
    return b"%b%d\r\n\r\n%b" % (head, len(reply.body), reply.body if with_body else b"")


@lru_cache(256)
def _head(status: int, media_type: str, allow: str, keep_alive: bool) -> bytes:
    return "".join(
        (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n",
            f"Content-Type: {media_type}{'; charset=utf-8' if media_type.startswith('text/') else ''}\r\n",
            f"Allow: {allow}\r\n" if allow else "",
            "" if keep_alive else "Connection: close\r\n",
            "Content-Length: ",
        )
    ).encode()


@lru_cache(256)
def _is_parquet(content_type: str | None) -> bool:
    return media_type(content_type) in PARQUET


@lru_cache(256)
def _latin(value: bytes) -> str:
    return value.decode("latin-1")
