"""pysnow against the embedded instance: queries, pages, writes, references."""
import sys

import pysnow
import requests

origin = sys.argv[1]
host = origin.removeprefix("http://")
client = pysnow.Client(host=host, user="admin", password="sandbox-admin", use_ssl=False)
incidents = client.resource(api_path="/table/incident")

# The query builder, an order, fields, a limit.
query = (
    pysnow.QueryBuilder()
    .field("active").equals("true")
    .AND()
    .field("priority").equals(["1", "2"])
    .AND()
    .field("number").order_descending()
)
found = incidents.get(query=query, fields=["number", "priority", "active"], limit=20)
rows = found.all()
assert rows and all(row["active"] == "true" and row["priority"] in "12" for row in rows), rows
numbers = [row["number"] for row in rows]
assert numbers == sorted(numbers, reverse=True), numbers
assert set(rows[0]) == {"number", "priority", "active"}, rows[0]

words = pysnow.QueryBuilder().field("short_description").contains("VPN")
assert all("VPN" in row["short_description"] for row in incidents.get(query=words).all())

# Pages by offset, and as a stream: every row once.
pages = []
for offset in range(0, 1000, 150):
    page = incidents.get(query="ORDERBYnumber", fields=["number"], limit=150, offset=offset).all()
    pages += [row["number"] for row in page]
assert len(pages) == len(set(pages)) == 400, len(pages)
streamed = [row["number"] for row in incidents.get(query="ORDERBYnumber", stream=True).all()]
assert streamed == pages
assert found.headers["X-Total-Count"].isdigit()

# A reference leads to the row it names; what a person reads; plain values.
caller = incidents.get(query={"number": "INC0000060"}).one()["caller_id"]
assert caller["link"].startswith(origin + "/api/now/table/sys_user/"), caller
user = requests.get(caller["link"], auth=("admin", "sandbox-admin")).json()["result"]
assert user["user_name"] == "joe.employee", user
incidents.parameters.display_value = True
assert incidents.get(query={"number": "INC0000060"}).one()["state"] == "Closed"
incidents.parameters.display_value = False
incidents.parameters.exclude_reference_link = True
assert incidents.get(query={"number": "INC0000060"}).one()["caller_id"] == caller["value"]

# Create, change, delete.
created = incidents.create(payload={"short_description": "From pysnow", "caller_id": caller["value"]}).one()
assert created["state"] == "1" and created["priority"] == "5", created
mine = {"sys_id": created["sys_id"]}
changed = incidents.update(query=mine, payload={"state": "2"}).one()
assert changed["state"] == "2" and changed["sys_mod_count"] == "1", changed
assert incidents.delete(query=mine) == {"status": "record deleted"}
assert incidents.get(query=mine).one_or_none() is None

# What is refused is an error of its own kind.
joe = pysnow.Client(host=host, user="joe.employee", password="sandbox-joe", use_ssl=False)
try:
    joe.resource(api_path="/table/sys_user").create(payload={"user_name": "x"}).one()
    raise SystemExit("Joe made a user")
except requests.exceptions.HTTPError as error:
    assert error.response.status_code == 403
print("pysnow: all of it worked")
