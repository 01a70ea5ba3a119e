"""Keep-alive HTTP connections from the server's event loop to one serving process."""

import asyncio
from typing import NamedTuple

import h11

_READ = 1 << 16


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Unreachable(Exception):
    """The process refused the connection or closed it before it answered."""


class Refused(Unreachable):
    """Nobody listens, so the request was not sent and may be tried again."""


class _Stale(Exception):
    """A kept connection was closed by the process before this request reached it."""


class Connections:
    """Used on the event loop only; a connection serves one request at a time and is then kept for the next."""

    def __init__(self, port: int):
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        """One POST. Raises Unreachable; a timeout is the caller's affair (``asyncio.timeout``)."""
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._exchange(connection, path, headers, body)
            except _Stale:
                continue
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise Refused(str(error)) from error
        try:
            return await self._exchange(_Connection(reader, writer), path, headers, body)
        except _Stale as error:
            raise Unreachable("The connection was closed without an answer.") from error

    async def _exchange(self, connection: "_Connection", path: str, headers: list, body: bytes) -> Answer:
        try:
            answer = await connection.post(path, headers, body)
        except BaseException:
            connection.close()
            raise
        if connection.reusable():
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    async def post(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        request = h11.Request(
            method="POST",
            target=path,
            headers=[("Host", "localhost"), *headers, ("Content-Length", str(len(body)))],
        )
        started = False
        status, fields, parts = 0, {}, []
        try:
            data = (self._http.send(request), self._http.send(h11.Data(data=body)), self._http.send(h11.EndOfMessage()))
            self._writer.write(b"".join(data))
            await self._writer.drain()
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    received = await self._reader.read(_READ)
                    started = started or bool(received)
                    self._http.receive_data(received)
                elif isinstance(event, h11.Response):
                    status, fields = event.status_code, {k.decode(): v.decode("latin-1") for k, v in event.headers}
                elif isinstance(event, h11.Data):
                    parts.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    return Answer(status, fields, b"".join(parts))
        except (OSError, h11.RemoteProtocolError) as error:
            if not started:
                raise _Stale from error
            raise Unreachable(f"The answer broke off: {error}") from error

    def reusable(self) -> bool:
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def close(self) -> None:
        self._writer.close()
