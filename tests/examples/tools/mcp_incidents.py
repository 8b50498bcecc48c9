"""A client of the Model Context Protocol starts its server through `snow exec`."""

import asyncio
import os
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


async def main(name, server):
    words = ["exec", name, "--for", "mcp", "--", server]
    async with Client(StdioTransport(command="snow", args=words, env=dict(os.environ))) as client:
        answer = await client.call_tool("list_records", {"table_name": "incident", "limit": 1})
        print("mcp:", answer)


asyncio.run(main(*sys.argv[1:]))
