"""aiosnow against the embedded instance: models, streams, writes, joins."""
import asyncio
import sys
import warnings

warnings.simplefilter("ignore")

import aiosnow
from aiosnow import fields
from aiosnow.models.table.declared import IncidentModel as Incident

host = sys.argv[1].removeprefix("http://")


class User(aiosnow.TableModel):
    sys_id = fields.String(is_primary=True)
    user_name = fields.String()
    active = fields.Boolean()


async def main():
    client = aiosnow.Client(host, basic_auth=("admin", "sandbox-admin"), use_ssl=False)
    async with Incident(client, table_name="incident") as incidents:
        # Conditions and an order.
        urgent = Incident.active.is_true() & Incident.priority.less_or_equals(2)
        query = aiosnow.select(urgent).order_desc(Incident.number)
        found = await incidents.get(query, limit=20)
        numbers = [row["number"] for row in found.data]
        assert found.status == 200 and numbers == sorted(numbers, reverse=True) and numbers, numbers
        assert all(row["priority"].key in (1, 2) for row in found.data)

        # A stream asks for page after page.
        streamed = [row["number"] async for _, row in incidents.stream("ORDERBYnumber", limit=400, page_size=75)]
        assert len(streamed) == len(set(streamed)) == 400, len(streamed)

        # One record; its state by key and by label.
        one = await incidents.get_one(Incident.number == "INC0000060")
        assert (one["state"].key, one["state"].value) == (7, "Closed"), one["state"]

        # Create, change, delete.
        created = await incidents.create({"short_description": "From aiosnow", "impact": 1, "urgency": 1})
        assert created.status == 201 and created["priority"].key == 1, created.data
        mine = Incident.number == created["number"]
        changed = await incidents.update(mine, {"state": "2"})
        assert changed.status == 200 and changed["state"].value == "In Progress", changed.data
        deleted = await incidents.delete(mine)
        assert deleted.status == 204
        assert len((await incidents.get(mine)).data) == 0

    async with User(client, table_name="sys_user") as users:
        joe = await users.get_one(User.user_name == "joe.employee")
        assert joe["active"] is True, joe.data
    print("aiosnow: all of it worked")


asyncio.run(main())
