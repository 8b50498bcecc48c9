"""PySNC speaks Basic to the gateway, which signs each request for the connection."""

import json
import sys

import pysnc

gateway = json.load(open(sys.argv[1]))
password = open(sys.argv[2]).read().strip()
client = pysnc.ServiceNowClient(gateway["url"], ("any", password), verify=gateway["ca_cert"])
incident = client.GlideRecord("incident")
incident.fields = ["number"]
incident.limit = 1
incident.query()
assert incident.next()
print("pysnc:", incident.get_value("number"))
