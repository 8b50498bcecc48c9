"""simple-salesforce against the embedded org: each way to sign in, queries, pages, writes."""
import sys
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest, SalesforceResourceNotFound

origin = sys.argv[1]
ADMIN = {"username": "admin@sandbox.example", "password": "sandbox-admin",
         "security_token": "AdminToken00000000000001"}


class Loopback(HTTPAdapter):
    """The client knows https and salesforce.com alone; what it sends goes to the org."""

    def send(self, request, **settings):
        asked = urlsplit(request.url)
        request.headers["Host"] = asked.netloc
        request.url = origin + request.url.split(asked.netloc, 1)[1]
        return super().send(request, **settings)


session = requests.Session()
session.mount("https://", Loopback())

# The security token behind the password, and characters that XML has words for.
for user in ADMIN, {"username": "integration@sandbox.example", "password": "sandbox&<integration>",
                    "security_token": "IntegrationToken00000002"}:
    session_id, host = SalesforceLogin(**user, domain="sandbox.my", session=session, sf_version="59.0")
    assert host == urlsplit(origin).netloc, host
for wrong in {"security_token": ""}, {"password": "wrong"}, {"username": "frozen@sandbox.example"}:
    try:
        SalesforceLogin(**{**ADMIN, **wrong}, domain="sandbox.my", session=session)
        raise SystemExit(f"{wrong} signed in")
    except SalesforceAuthenticationFailed as error:
        assert error.code == "INVALID_LOGIN", error.code

key = requests.get(origin + "/sandbox-jwt.pem").text
direct = Salesforce(session_id=session_id, instance_url="https://" + host, session=session)
by_password = Salesforce(**ADMIN, domain="sandbox.my", session=session, version="64.0")
by_itself = Salesforce(consumer_key="sandbox-ci", consumer_secret="sandbox-ci-secret", domain="sandbox.my",
                       session=session)
signed = Salesforce(username="admin@sandbox.example", consumer_key="sandbox-jwt", privatekey=key,
                    domain="sandbox.my", session=session)
for client in direct, by_password, by_itself, signed:
    assert client.limits()["DailyApiRequests"]["Max"] == 15000
    assert client.query("SELECT COUNT() FROM Case")["totalSize"] == 4500
assert signed.oauth2("userinfo")["preferred_username"] == "admin@sandbox.example"

# Pages: every row once.
numbers = [row["CaseNumber"] for row in direct.query_all_iter("SELECT CaseNumber FROM Case ORDER BY CaseNumber")]
assert len(set(numbers)) == 4500 and numbers == sorted(numbers), len(numbers)
found = direct.query("SELECT Id, Account.Name FROM Case WHERE IsClosed = false AND Priority IN ('High') LIMIT 3")
assert found["done"] and all(row["Account"]["Name"] for row in found["records"]), found

# Create, change, delete, and the recycle bin.
assert {"Case", "User"} <= {each["name"] for each in direct.describe()["sobjects"]}
assert any(field["name"] == "Subject" for field in direct.Case.describe()["fields"])
made = direct.Case.create({"Subject": "From simple-salesforce", "Priority": "High"})
assert made["success"], made
assert direct.Case.get(made["id"])["Status"] == "New"
assert direct.Case.update(made["id"], {"Status": "Closed"}) == 204
assert direct.Case.get(made["id"][:15])["IsClosed"] is True
assert direct.Case.delete(made["id"]) == 204
try:
    direct.Case.get(made["id"])
    raise SystemExit("the case is still there")
except SalesforceResourceNotFound:
    pass
mine = f"SELECT Id FROM Case WHERE Id = '{made['id']}'"
assert direct.query(mine)["totalSize"] == 0
assert direct.query(mine, include_deleted=True)["totalSize"] == 1
for soql, code in ("SELECT Id FROM Nothing", "INVALID_TYPE"), ("SELECT Nothing FROM Case", "INVALID_FIELD"):
    try:
        direct.query(soql)
        raise SystemExit(f"{soql} was answered")
    except SalesforceMalformedRequest as error:
        assert error.content[0]["errorCode"] == code, error.content
print("simple-salesforce: all of it worked")
