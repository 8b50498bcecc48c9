"""PySNC speaks Basic to the gateway, which knows the session of the connection."""

import os

import pysnc

client = pysnc.ServiceNowClient(
    os.environ["GATEWAY"], ("any", os.environ["GATEWAY_PASSWORD"]), verify=os.environ["GATEWAY_CA"]
)
incident = client.GlideRecord("incident")
incident.fields = ["number"]
incident.limit = 1
incident.query()
assert incident.next()
print("pysnc:", incident.get_value("number"))
