"""pysnow: the lines of `snow env acme --for pysnow`, and one query."""

import os

import pysnow
import requests


def sign(request):
    request.headers["Authorization"] = "Bearer " + os.environ["SNOW_ACCESS_TOKEN"]
    return request


session = requests.Session()
session.auth = sign
scheme, host = os.environ["SNOW_INSTANCE"].split("://")
client = pysnow.Client(host=host, session=session, use_ssl=scheme == "https")
incidents = client.resource(api_path="/table/incident").get(query={"active": True}, limit=1, fields=["number"]).all()
print("pysnow:", incidents[0]["number"])
