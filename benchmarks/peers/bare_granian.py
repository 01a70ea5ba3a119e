"""A constant answer through granian's RSGI: `granian --interface rsgi bare_granian:application`."""

HEADERS = [("content-type", "text/csv; charset=utf-8")]


async def application(scope, protocol):
    await protocol()
    protocol.response_bytes(200, HEADERS, b"0.0123456789012345\n")
