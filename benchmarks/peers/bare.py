"""The floor: the model server's event loop and parser with a constant answer: `python bare.py PORT WORKERS`."""

import asyncio
import os
import socket
import sys

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\nContent-Length: 20\r\n\r\n0.0123456789012345\n\n"


class Bare(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def on_message_complete(self):
        self.transport.write(ANSWER)

    def data_received(self, data):
        self.parser.feed_data(data)


async def serve(listener):
    server = await asyncio.get_running_loop().create_server(Bare, sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    for _ in range(int(sys.argv[2]) - 1):
        if not os.fork():
            break
    uvloop.run(serve(listening))
