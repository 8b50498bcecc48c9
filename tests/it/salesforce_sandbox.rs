//! The embedded org of Salesforce: what it answers to good requests and to bad ones.

use serde_json::{Value, json};
use snow_connect::sandbox::SandboxOptions;
use snow_connect::sandbox::salesforce::SalesforceSandbox;

use crate::jwt_bearer::Keys;
use crate::world::ask::{Ask, Reply};
use crate::world::browser::{get, parameter, post};
use crate::world::process::Serving;
use crate::world::salesforce::{
    ADMIN, ADMIN_SECRET, INTEGRATION, assertion, authorization_url, authorized, built_in_key, claims,
    client_credentials, data, element, jwt_bearer, login, org, query, refresh, session, sign_in, soap, token,
};

/// `errorCode` of the first error.
#[track_caller]
fn code(reply: &Reply) -> String {
    reply.json()[0]["errorCode"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

#[track_caller]
fn description(reply: Reply) -> String {
    reply.expect(400).json()["error_description"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_line_says_who_may_sign_in_and_how() {
    let serving = Serving::start(&["--service", "salesforce-service-cloud"]);
    let document = &serving.document;
    assert_eq!(document["service"], "salesforce-service-cloud");
    assert_eq!(document["users"][0]["user_name"], ADMIN);
    assert_eq!(document["users"][0]["security_token"], "AdminToken00000000000001");
    assert_eq!(document["users"][0].get("api_key"), None);
    assert_eq!(document["clients"][0]["redirect_uris"], json!(["http://127.0.0.1:8914/callback"]));
    assert_eq!(document["clients"][2]["run_as"], INTEGRATION);
    assert_eq!(Serving::start(&[]).document["service"], "servicenow");
}

#[test]
fn the_versions_are_told_without_a_token_and_nothing_else_is() {
    let org = org(None);
    for path in ["/services/data", "/services/data/"] {
        let versions = get(&format!("{}{path}", org.origin())).expect(200).json();
        let versions = versions.as_array().unwrap();
        assert_eq!((&versions[0]["version"], versions.len()), (&json!("50.0"), 19));
        let latest = json!({ "label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0" });
        assert_eq!(versions[18], latest);
    }
    let at = |path: &str| get(&format!("{}/services/data/{path}", org.origin()));
    for path in ["v64.0", "v64.0/limits", "v64.0/sobjects", "v50.0/query?q=SELECT+Id+FROM+Case"] {
        assert_eq!(code(&at(path).expect(401)), "INVALID_SESSION_ID", "{path}");
    }
    assert_eq!(code(&at("v69.0").expect(400)), "UNSUPPORTED_API_VERSION");
    assert_eq!(code(&at("64.0").expect(404)), "NOT_FOUND");
    at("v30.0").expect(410);
}

#[test]
fn login_gives_a_session_in_the_order_of_the_wsdl() {
    let org = org(None);
    for path in ["u/64.0", "u/31.0", "c/64.0", "u/50.0/"] {
        let answer = login(&org, path, ADMIN, ADMIN_SECRET).expect(200);
        assert_eq!(answer.header("Content-Type"), Some("text/xml;charset=UTF-8"));
        let names: Vec<&str> = answer.body.split('<').filter_map(|part| part.split(['>', ' ', '/']).next()).collect();
        let result: Vec<_> = names.iter().copied().filter(|name| !name.is_empty()).skip(4).collect();
        let expected = [
            "result",
            "metadataServerUrl",
            "passwordExpired",
            "sandbox",
            "serverUrl",
            "sessionId",
            "userId",
            "userInfo",
            "accessibilityMode",
            "chatterExternal",
            "currencySymbol",
            "orgAttachmentFileSizeLimit",
            "orgDefaultCurrencyIsoCode",
            "orgDefaultCurrencyLocale",
            "orgDisallowHtmlAttachments",
            "orgHasPersonAccounts",
            "organizationId",
            "organizationMultiCurrency",
            "organizationName",
            "profileId",
            "roleId",
            "sessionSecondsValid",
            "userDefaultCurrencyIsoCode",
            "userEmail",
            "userFullName",
            "userId",
            "userLanguage",
            "userLocale",
            "userName",
            "userTimeZone",
            "userType",
            "userUiSkin",
        ];
        assert_eq!(result, expected, "{path}");
        let server = element(&answer, "serverUrl");
        assert!(server.starts_with(&format!("{}/services/Soap/{}", org.origin(), &path[..6])), "{server}");
        assert_eq!(element(&answer, "userName"), ADMIN);
        query(&org, &element(&answer, "sessionId"), "SELECT Id FROM Case").expect(200);
    }
    assert_eq!(org.soap_logins(), 4);
}

#[test]
fn login_reads_xml_as_it_is_meant_and_expands_nothing() {
    let org = org(None);
    let secret = "sandbox&amp;&lt;integration&#62;IntegrationToken00000002";
    login(&org, "u/64.0", INTEGRATION, secret).expect(200);
    login(&org, "u/64.0", INTEGRATION, "<![CDATA[sandbox&<integration>]]>IntegrationToken00000002").expect(200);
    let scope = "<p:LoginScopeHeader xmlns:p=\"urn:partner.soap.sforce.com\"><p:organizationId>00D</p:organizationId>\
                 </p:LoginScopeHeader>";
    let values = format!("<n:username>{ADMIN}</n:username><n:password>{ADMIN_SECRET}</n:password>");
    let named = format!("<n:login xmlns:n=\"urn:partner.soap.sforce.com\">{values}</n:login>");
    let answer = soap(&org, "u/64.0", &named, scope).expect(200);
    let session = element(&answer, "sessionId");
    let header = format!(
        "<SessionHeader xmlns=\"urn:partner.soap.sforce.com\"><sessionId>{session}</sessionId></SessionHeader>"
    );
    let asks = "<getUserInfo xmlns=\"urn:partner.soap.sforce.com\"/>";
    assert_eq!(element(&soap(&org, "u/64.0", asks, &header).expect(200), "userName"), ADMIN);
    assert_eq!(element(&soap(&org, "u/64.0", asks, "").expect(500), "faultcode"), "sf:INVALID_SESSION_ID");
    // The other API's namespace, an operation there is not, and what is no request at all.
    for body in [named.replace("partner", "enterprise"), "<other xmlns=\"urn:partner.soap.sforce.com\"/>".to_owned()] {
        let answer = soap(&org, "u/64.0", &body, "").expect(500);
        assert!(element(&answer, "faultstring").starts_with("No operation available for request {urn:"), "{answer:?}");
    }
    for body in ["", "<a>", "&x;"] {
        assert_eq!(element(&soap(&org, "u/64.0", body, "").expect(500), "faultcode"), "soapenv:Client", "{body}");
    }
}

#[test]
fn what_login_refuses_it_names() {
    let org = org(None);
    for (path, user_name, secret, code) in [
        ("u/64.0", ADMIN, "sandbox-admin", "INVALID_LOGIN"),
        ("u/64.0", ADMIN, "AdminToken00000000000001sandbox-admin", "INVALID_LOGIN"),
        ("u/64.0", "ada@example.com", ADMIN_SECRET, "INVALID_LOGIN"),
        ("u/64.0", "frozen@sandbox.example", "sandbox-frozenFrozenToken0000000000003", "INVALID_LOGIN"),
        ("u/64.0", "noapi@sandbox.example", "sandbox-noapiNoApiToken00000000000005", "API_DISABLED_FOR_ORG"),
        ("u/65.0", ADMIN, ADMIN_SECRET, "INVALID_OPERATION"),
        ("u/68.0", ADMIN, ADMIN_SECRET, "INVALID_OPERATION"),
        ("u/69.0", ADMIN, ADMIN_SECRET, "UNSUPPORTED_API_VERSION"),
        ("u/30.0", ADMIN, ADMIN_SECRET, "UNSUPPORTED_API_VERSION"),
        ("u/v64.0", ADMIN, ADMIN_SECRET, "UNSUPPORTED_API_VERSION"),
    ] {
        let answer = login(&org, path, user_name, secret).expect(500);
        assert_eq!(element(&answer, "faultcode"), format!("sf:{code}"), "{path} {user_name}");
    }
    let expired =
        login(&org, "u/64.0", "expired@sandbox.example", "sandbox-expiredExpiredToken000000000004").expect(200);
    assert_eq!(element(&expired, "passwordExpired"), "true");
    assert_eq!(query(&org, &element(&expired, "sessionId"), "SELECT Id FROM Case").status, 403);
}

#[test]
fn a_person_signs_in_with_pkce_and_the_answer_has_no_expiry() {
    let org = org(None);
    let answer = authorized(&org).expect(200).json();
    let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
    let expected =
        ["access_token", "refresh_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"];
    assert_eq!(keys, expected);
    assert_eq!(answer["instance_url"], org.origin());
    assert_eq!(answer["issued_at"].as_str().unwrap().len(), 13);
    let text = |key: &str| answer[key].as_str().unwrap();
    assert!(text("access_token").starts_with("00D") && text("access_token").contains('!'), "{answer}");
    // The identity, with the token in the header and in the query.
    let id = text("id");
    assert_eq!(Ask::new("GET", id).bearer(text("access_token")).send().expect(200).json()["username"], ADMIN);
    let query = [("format", "json"), ("oauth_token", text("access_token"))];
    assert_eq!(Ask::new("GET", id).query(&query).send().expect(200).json()["username"], ADMIN);
    assert_eq!(get(id).expect(403).body, "Missing_OAuth_Token");
    // A refresh gives a session and no refresh token; the old one stays.
    let renewed = refresh(&org, text("refresh_token")).expect(200).json();
    assert_eq!(renewed.get("refresh_token"), None);
    assert_ne!(renewed["access_token"], answer["access_token"]);
    refresh(&org, text("refresh_token")).expect(200);
    let denied = sign_in(&authorization_url(&org, &[]), "deny");
    assert_eq!(parameter(&denied, "error_description"), "end-user denied authorization");
}

#[test]
fn an_authorization_request_that_is_not_in_order_is_refused_where_the_real_one_does_it() {
    let org = org(None);
    for (change, text) in [
        (("client_id", "nobody"), "error=invalid_client_id&error_description=client%20identifier%20invalid"),
        (("client_id", "sandbox-ci"), "error=invalid_client_id&"),
        (("redirect_uri", "http://127.0.0.1:8914/callback/"), "error=redirect_uri_mismatch&"),
        (("redirect_uri", "http://localhost:8914/callback"), "error=redirect_uri_mismatch&"),
        (("redirect_uri", ""), "error=redirect_uri_missing&"),
    ] {
        let page = get(&authorization_url(&org, &[change])).expect(400);
        assert!(page.body.starts_with(text), "{change:?}: {page:?}");
    }
    for (change, error, words) in [
        (("code_challenge", ""), "invalid_request", "missing required code challenge"),
        (("code_challenge_method", "plain"), "invalid_request", "invalid code challenge"),
        (("response_type", "token"), "unsupported_response_type", "response type not supported"),
        (("scope", "api nonsense"), "invalid_scope", "the requested scope is invalid, unknown, or malformed"),
    ] {
        let address = get(&authorization_url(&org, &[change])).location();
        let said = ["error", "error_description", "state"].map(|name| parameter(&address, name));
        assert_eq!(said, [error, words, "a state"], "{change:?}");
    }
    let any = [("client_id", "sandbox-any-port"), ("redirect_uri", "http://127.0.0.1:50123/there")];
    assert!(sign_in(&authorization_url(&org, &any), "allow").starts_with("http://127.0.0.1:50123/there?code="));
}

#[test]
fn a_rotated_refresh_token_is_good_once_and_the_sixth_sign_in_ends_the_first() {
    let rotating = SalesforceSandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let text = |reply: Reply| reply.expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
    let first = text(authorized(&rotating));
    let second = text(refresh(&rotating, &first));
    assert_eq!(description(refresh(&rotating, &first)), "expired access/refresh token");
    refresh(&rotating, &second).expect(200);

    let org = org(None);
    let tokens: Vec<String> = (0..6).map(|_| text(authorized(&org))).collect();
    assert_eq!(description(refresh(&org, &tokens[0])), "expired access/refresh token");
    refresh(&org, &tokens[1]).expect(200);
}

#[test]
fn client_credentials_run_as_a_user_with_the_secret_in_either_place() {
    let org = org(None);
    let answer = client_credentials(&org).expect(200).json();
    assert_eq!(answer.get("refresh_token"), None);
    let grant = ("grant_type", "client_credentials");
    let url = format!("{}/services/oauth2/token", org.origin());
    let basic = Ask::new("POST", &url).basic("sandbox-ci", "sandbox-ci-secret").form(&[grant]).send();
    let session = basic.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let url = format!("{}/services/oauth2/userinfo", org.origin());
    let identity = Ask::new("GET", &url).bearer(&session).send().expect(200).json();
    assert_eq!(identity["preferred_username"], INTEGRATION);
    assert_eq!(get(&url).expect(403).body, "Missing_OAuth_Token");
    assert_eq!(Ask::new("GET", &url).bearer("dead").send().expect(403).body, "Bad_OAuth_Token");
    for (client, secret, words) in [
        ("sandbox-ci", "wrong", "invalid client credentials"),
        ("sandbox-ci", "", "invalid client credentials"),
        ("nobody", "sandbox-ci-secret", "client identifier invalid"),
        ("sandbox-any-port", "sandbox-any-port-secret", "client credentials flow not enabled"),
    ] {
        let refused = token(&org, &[grant, ("client_id", client), ("client_secret", secret)]);
        assert_eq!(description(refused), words, "{client} {secret}");
    }
    assert_eq!(
        description(token(&org, &[("grant_type", "password"), ("client_id", "sandbox-ci")])),
        "authentication failure"
    );
    let url = format!("{}/services/oauth2/token?grant_type=client_credentials", org.origin());
    assert_eq!(description(get(&url)), "must use HTTP POST");
    assert_eq!(description(post(&url, &[])), "grant type not supported");
}

#[test]
fn an_assertion_is_good_if_everything_in_it_is() {
    let (org, keys) = (org(None), Keys::new());
    built_in_key(&org, &keys);
    let good = claims(&org);
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        jwt_bearer(&org, &assertion(&keys, "built-in.pem", &claims))
    };
    with("iss", json!("sandbox-jwt")).expect(200);
    let now = chrono::Utc::now().timestamp();
    for (key, value, words) in [
        ("aud", json!("https://test.salesforce.com"), "audience is invalid"),
        ("exp", json!(now - 1), "invalid assertion"),
        ("exp", json!(now + 300), "invalid assertion"),
        ("sub", json!("ada@example.com"), "user hasn't approved this consumer"),
        ("sub", json!("frozen@sandbox.example"), "inactive user"),
        ("iss", json!("nobody"), "client identifier invalid"),
        ("iss", json!("sandbox-ci"), "invalid assertion"),
    ] {
        assert_eq!(description(with(key, value.clone())), words, "{key} {value}");
    }
    assert_eq!(description(jwt_bearer(&org, "a.b.c")), "invalid assertion");
    // A key of one's own, before and after its certificate is registered.
    keys.openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=own -days 1 -keyout own.pem -out own.crt");
    let own = assertion(&keys, "own.pem", &good);
    assert_eq!(description(jwt_bearer(&org, &own)), "invalid assertion");
    let url = format!("{}/sandbox-jwt.pem", org.origin());
    Ask::new("POST", &url).body("no certificate").send().expect(400);
    Ask::new("POST", &url).body(keys.text("own.crt")).send().expect(200);
    jwt_bearer(&org, &own).expect(200);
}

#[test]
fn a_token_is_introspected_by_its_own_app_and_ends_when_it_is_revoked() {
    let org = org(None);
    let session = session(&org);
    let at = |path: &str| format!("{}/services/oauth2/{path}", org.origin());
    let by = |client: &str, token: &str| {
        let secret = format!("{client}-secret");
        post(&at("introspect"), &[("token", token), ("client_id", client), ("client_secret", &secret)])
    };
    let told = by("sandbox-ci", &session).expect(200).json();
    assert_eq!((&told["active"], &told["username"]), (&json!(true), &json!(INTEGRATION)));
    assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 1800);
    assert_eq!(by("sandbox-any-port", &session).expect(200).json(), json!({ "active": false }));
    post(&at("introspect"), &[("token", &session), ("client_id", "sandbox-web")]).expect(401);
    assert_eq!(post(&at("revoke"), &[("token", &session)]).expect(200).body, "");
    let again = post(&at("revoke"), &[("token", &session)]).expect(400);
    assert!(again.body.starts_with("error=invalid_token&error_description="), "{again:?}");
    query(&org, &session, "SELECT Id FROM Case").expect(401);
    // A refresh token ends with all that came of it.
    let signed_in = authorized(&org).expect(200).json();
    let text = |key: &str| signed_in[key].as_str().unwrap();
    post(&at("revoke"), &[("token", text("refresh_token"))]).expect(200);
    query(&org, text("access_token"), "SELECT Id FROM Case").expect(401);
    refresh(&org, text("refresh_token")).expect(400);
    let metadata = get(&format!("{}/.well-known/openid-configuration", org.origin())).expect(200).json();
    assert_eq!(metadata["token_endpoint"], at("token"));
}

#[test]
fn a_query_selects_orders_and_counts() {
    let org = org(None);
    let session = session(&org);
    let rows = |soql: &str| query(&org, &session, soql).expect(200).json();
    let all = rows("SELECT Id, Status, Priority, IsClosed, CreatedDate, Account.Name, ClosedDate FROM Case");
    let all = all["records"].as_array().unwrap();
    assert_eq!(all.len(), 20);
    assert!(all[0]["Account"]["Name"].is_string() && all[0]["attributes"]["type"] == "Case", "{}", all[0]);
    let count = |condition: &str| {
        let counted = rows(&format!("SELECT COUNT() FROM Case WHERE {condition}"));
        assert_eq!((&counted["done"], &counted["records"]), (&json!(true), &json!([])));
        usize::try_from(counted["totalSize"].as_u64().unwrap()).unwrap()
    };
    let holds = |test: &dyn Fn(&Value) -> bool| all.iter().filter(|row| test(row)).count();
    let middle = all[10]["CreatedDate"].as_str().unwrap().replace("+0000", "Z");
    for (condition, expected) in [
        ("IsClosed = true", holds(&|row| row["IsClosed"] == true)),
        ("closeddate != NULL", holds(&|row| !row["ClosedDate"].is_null())),
        ("Status = 'new' OR Status = 'Working'", holds(&|row| row["Status"] == "New" || row["Status"] == "Working")),
        (
            "Status IN ('New', 'Closed') AND Priority != 'Low'",
            holds(&|row| (row["Status"] == "New" || row["Status"] == "Closed") && row["Priority"] != "Low"),
        ),
        ("Status NOT IN ('New')", holds(&|row| row["Status"] != "New")),
        (
            "NOT (Status = 'New' OR Priority = 'High')",
            holds(&|row| row["Status"] != "New" && row["Priority"] != "High"),
        ),
        ("Status LIKE '%lose_'", holds(&|row| row["Status"] == "Closed")),
        ("Status LIKE 'lose%'", 0),
        ("Account.Name != null", 20),
    ] {
        assert_eq!(count(condition), expected, "{condition}");
    }
    for (sign, expected) in [("<", 10), ("<=", 11), (">", 9), (">=", 10), ("=", 1)] {
        assert_eq!(count(&format!("CreatedDate {sign} {middle}")), expected, "{sign}");
    }
    assert_eq!(count("CreatedDate = TODAY"), 0);
    assert_eq!(count("CreatedDate >= 2026-06-30") + count("CreatedDate < 2026-06-30"), 20);
    let ordered = rows("SELECT CaseNumber FROM Case ORDER BY CaseNumber DESC NULLS LAST LIMIT 2 OFFSET 1");
    let numbers: Vec<&Value> = ordered["records"].as_array().unwrap().iter().map(|row| &row["CaseNumber"]).collect();
    assert_eq!(numbers, ["00001018", "00001017"]);
    assert_eq!(rows("SELECT Name, IsSandbox FROM Organization")["records"][0]["IsSandbox"], false);
}

#[test]
fn a_query_that_is_not_understood_is_refused_with_the_place() {
    let org = org(None);
    let session = session(&org);
    for (soql, code, words) in [
        ("SELECT Id FROM Cas", "INVALID_TYPE", "Column:16\nsObject type 'Cas' is not supported."),
        ("SELECT Id, Nam FROM Case", "INVALID_FIELD", "Column:12\nNo such column 'Nam' on entity 'Case'."),
        ("SELECT Id FROM Case WHERE Owner.X = 1", "INVALID_FIELD", "No such column 'X' on entity 'User'."),
        ("SELECT A.B FROM Case", "INVALID_FIELD", "Didn't understand relationship 'A'"),
        ("SELECT Id FROM Case WHERE IsClosed = 'true'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT FROM Case", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM Case LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Case WHERE Id = '1' AND Id = '2' OR Id = '3'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Id FROM Case WHERE Subject = 'open", "MALFORMED_QUERY", "unexpected token: ''open'"),
        ("SELECT Id FROM Case;", "MALFORMED_QUERY", "character ';'"),
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (&format!("SELECT Id FROM Case WHERE {}", "(".repeat(5000)), "MALFORMED_QUERY", "nested too deeply"),
        (
            &format!("SELECT Id FROM Case WHERE {}Id = null", "NOT ".repeat(3000)),
            "MALFORMED_QUERY",
            "nested too deeply",
        ),
    ] {
        let refused = query(&org, &session, soql).expect(400).json();
        assert_eq!(refused[0]["errorCode"], code, "{soql}");
        assert!(refused[0]["message"].as_str().unwrap().contains(words), "{soql}: {refused}");
    }
    query(&org, &session, &"x".repeat(17_000)).expect(414);
}

#[test]
fn rows_come_in_pages_that_lead_on_and_none_is_smaller_than_200() {
    let org = SalesforceSandbox::open(SandboxOptions { incidents: 450, ..SandboxOptions::default() }).unwrap();
    let session = session(&org);
    let soql = [("q", "SELECT Id FROM Case")];
    let first = |size: &str| {
        let ask = data(&org, "GET", "/query", &session).query(&soql).header("Sforce-Query-Options", size);
        ask.send().expect(200).json()
    };
    assert_eq!(first("batchSize=2000")["done"], true);
    let mut page = first("batchSize=1");
    let mut seen: Vec<Value> = Vec::new();
    loop {
        seen.extend(page["records"].as_array().unwrap().iter().map(|row| row["Id"].clone()));
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        assert_eq!(seen.len() % 200, 0);
        let ask = Ask::new("GET", &format!("{}{next}", org.origin())).bearer(&session);
        page = ask.header("Sforce-Query-Options", "batchSize=1").send().expect(200).json();
    }
    assert_eq!((seen.len(), &page["done"]), (450, &json!(true)));
    seen.dedup();
    assert_eq!(seen.len(), 450);
    let nowhere = data(&org, "GET", "/query/01gxx0000000009AAA-200", &session).send();
    assert_eq!(code(&nowhere.expect(400)), "INVALID_QUERY_LOCATOR");
}

#[test]
fn a_row_is_made_changed_and_deleted_and_what_may_not_be_is_refused() {
    let org = org(None);
    let session = session(&org);
    let ask = |method, path: &str| data(&org, method, path, &session);
    let made = ask("POST", "/sobjects/Contact/").json(&json!({ "LastName": "Quarry" })).send().expect(201).json();
    let id = made["id"].as_str().unwrap();
    let row = format!("/sobjects/Contact/{id}");
    ask("PATCH", &row).json(&json!({ "FirstName": "Quinn", "Title": null })).send().expect(204);
    let read = ask("GET", &format!("{row}?fields=Name,Title")).send().expect(200).json();
    assert_eq!((&read["Name"], &read["Title"], read.get("Email")), (&json!("Quinn Quarry"), &Value::Null, None));
    for (method, path, body, status, expected) in [
        ("POST", "/sobjects/Contact", json!({}), 400, "REQUIRED_FIELD_MISSING"),
        ("POST", "/sobjects/Contact", json!({ "LastName": "X", "Foo": 1 }), 400, "INVALID_FIELD"),
        ("POST", "/sobjects/Case", json!({ "CaseNumber": "1" }), 400, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("POST", "/sobjects/Organization", json!({ "Name": "X" }), 400, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("POST", "/sobjects/Nothing", json!({}), 404, "NOT_FOUND"),
        ("PUT", "/sobjects/Contact", json!({}), 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", "/sobjects/Contact/003xx00000zzzzzAAA", json!({}), 404, "NOT_FOUND"),
    ] {
        assert_eq!(code(&ask(method, path).json(&body).send().expect(status)), expected, "{method} {path} {body}");
    }
    ask("DELETE", &row).send().expect(204);
    assert_eq!(code(&ask("GET", &row).send().expect(404)), "NOT_FOUND");
    assert_eq!(code(&ask("DELETE", &row).send().expect(404)), "ENTITY_IS_DELETED");
    let described = ask("GET", "/sobjects/Case/describe/").send().expect(200).json();
    assert_eq!((&described["name"], &described["queryable"]), (&json!("Case"), &json!(true)));
    assert_eq!(described["fields"][0]["name"], "Id");
    let limits = ask("GET", "/limits/").send().expect(200);
    let remaining = limits.json()["DailyApiRequests"]["Remaining"].as_u64().unwrap();
    assert_eq!(limits.header("Sforce-Limit-Info"), Some(format!("api-usage={}/15000", 15_000 - remaining).as_str()));
}

#[test]
fn a_name_that_was_made_to_lead_here_gets_no_answer_and_the_page_shows_who_there_is() {
    let org = org(None);
    let asked = org.origin().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(asked).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /services/data HTTP/1.0\r\nHost: evil.example\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 420 "), "{answer}");
    let page = get(&format!("{}/", org.origin())).expect(200);
    assert!(page.body.contains(ADMIN) && page.body.contains("frozen"), "{}", page.body);
    let form = [("user_name", ADMIN), ("user_password", "sandbox-admin")];
    assert!(post(&format!("{}/login", org.origin()), &form).expect(200).body.contains("AdminToken00000000000001"));
    get(&format!("{}/nothing", org.origin())).expect(404);
}
