//! Responses to a signed-in user: limits and permissions.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::servicenow::classify::Body;
use crate::service::servicenow::symptoms::Symptom;
use crate::service::servicenow::symptoms::rows::SOME_TABLES;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "rate-limit-rule",
        code: Code::RateLimited,
        shows: |response| {
            let has = |name: &str| response.raw.headers.contains_key(name);
            let by_a_rule = has("x-ratelimit-rule") || has("x-ratelimit-limit") || has("x-ratelimit-reset");
            response.status() == 429 && (by_a_rule || response.says("rate limit"))
        },
        message: "{host} is rate limiting requests",
        why: "It returned 429 with the rate limit rule, which allows a number of requests per hour.{unjudged}",
        causes: &[("rate-limit-rule", High, "a rate limit rule set by an administrator was exceeded")],
        next: &["Wait {wait}, then: {again}", "Ask an administrator about the rate limit rule in the report"],
    },
    Symptom {
        name: "node-busy",
        code: Code::RateLimited,
        shows: |response| response.status() == 429,
        message: "{host} is too busy for another request",
        why: "It returned 429 without a rate limit rule. A node is probably at its limit, but a rule whose headers were removed looks the same.{unjudged}",
        causes: &[
            ("node-busy", Medium, "a node of the instance has no free semaphore for API requests"),
            ("rate-limit-rule", Low, "a rate limit rule set by an administrator was exceeded"),
        ],
        next: &["Wait {wait}, send fewer requests at the same time, then: {again}"],
    },
    Symptom {
        name: "queued",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 202,
        message: "{host} queued the request (202) and returned no result",
        why: "Instances do so if one session has too many requests at the same time.",
        causes: &[("shared-session", Medium, "other programs, or a proxy that adds cookies, share the session")],
        next: &["Send fewer requests at the same time, then: {again}"],
    },
    Symptom {
        name: "unscoped-api",
        code: Code::ScopeRestricted,
        shows: |response| response.is_forbidden() && response.says("access to unscoped api is not allowed"),
        message: "signed in, but this API is outside the allowed scope",
        why: "The instance limits which APIs this client may call.",
        causes: &[
            (
                "auth-scope",
                High,
                "the OAuth client is limited to scoped APIs, or its auth scope does not include the Table API",
            ),
            ("empty-scope", Medium, "the token was requested without a scope"),
        ],
        next: &[
            "Ask an administrator to set the client's Scope Restriction to \"Broadly scoped\", or to give it the useraccount scope",
            "Then get a new token: {login}",
        ],
    },
    Symptom {
        name: "key-scope-missing",
        code: Code::ScopeRestricted,
        shows: |response| {
            response.is_forbidden()
                && response.says("missing required api access scope")
                && response.credential.is_secret_of("api-key")
        },
        message: "signed in, but the API key lacks an auth scope that this API requires",
        why: "The instance said: {said}.",
        causes: &[("auth-scope", High, "the auth scope of the REST API Key does not include this API")],
        next: &["Ask an administrator to set the auth scope of the REST API Key: {guide_api_key}"],
    },
    Symptom {
        name: "scope-missing",
        code: Code::ScopeRestricted,
        shows: |response| response.is_forbidden() && response.says("missing required api access scope"),
        message: "signed in, but the token lacks a scope that this API requires",
        why: "The instance said: {said}.",
        causes: &[
            ("auth-scope", High, "the REST API auth scopes of the client do not include this API"),
            ("scope-added", Low, "an auth scope was added to the API, as for API keys, which every token needs then"),
        ],
        next: &["Ask an administrator to add the scope in the error to the client", "Then get a new token: {login}"],
    },
    Symptom {
        name: "api-acl",
        code: Code::ApiAcl,
        shows: |response| response.is_forbidden() && response.says("failed api level acl validation"),
        message: "signed in as {user}, but that user has no access to the Table API",
        why: "The access rule (ACL) on the REST endpoint denied the request.",
        causes: &[("missing-role", High, "the user lacks a role such as snc_platform_rest_api_access")],
        next: &["Ask an administrator for the role snc_platform_rest_api_access"],
    },
    Symptom {
        name: "query-forbidden",
        code: Code::QueryForbidden,
        shows: |response| response.is_forbidden() && response.says("insufficient rights to query records"),
        message: "signed in as {user}, but a field in the query is not readable",
        why: "The access rules (ACLs) deny a field that the query uses.",
        causes: &[("field-acl", High, "a field in the query is hidden from this user or does not exist")],
        next: &["Test with a table that the user can read: --table NAME"],
    },
    Symptom {
        name: "business-rule",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("aborted by business rule"),
        message: "signed in as {user}, but a business rule aborted the request",
        why: "The connection works. The instance said: {said}.",
        causes: &[("business-rule", High, "the business rule in the error does not allow this request")],
        next: &["Ask an administrator about the business rule, and give the time{transaction}"],
    },
    Symptom {
        name: "acl-exception",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("acl exception"),
        message: "signed in as {user}, but an access rule (ACL) of the table denied the request",
        why: "The connection works. The instance said: {said}.",
        causes: &[("missing-role", High, "the user lacks the role for this operation on the table")],
        next: &["Ask an administrator which role {user} needs, and give the time{transaction}"],
    },
    Symptom {
        name: "closed-to-web-services",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("webservicepolicyvalidator"),
        message: "signed in as {user}, but the table is closed to web services",
        why: "The instance said: {said}. A role for the user does not change that.",
        causes: &[("web-services-off", High, "the table does not allow access via web services")],
        next: &[
            "Ask an administrator to turn on \"Allow access to this table via web services\", on the Application Access tab of the table",
        ],
    },
    Symptom {
        name: "access-denied",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.has_envelope(),
        message: "signed in as {user}, but access was denied",
        why: "The instance returned {status}: the sign-in works, but a permission is missing.",
        causes: &[("missing-role", High, "the user lacks a role")],
        next: &["Ask an administrator which role {user} needs, and give the time{transaction}"],
    },
    Symptom {
        name: "forbidden-by-gateway",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403 && matches!(response.body, Body::OtherJson { .. }),
        message: "a gateway in front of {host} blocked the request",
        why: "The response was 403 with JSON that does not come from ServiceNow.{by}{unjudged}",
        causes: &[
            ("gateway", High, "the gateway requires its own key or sign-in"),
            SOME_TABLES,
            ("ip-restriction", Low, "the gateway only allows certain IP addresses"),
        ],
        next: &[
            "Ask the people who run the gateway what clients must send and which tables it publishes",
            "{add_header}",
            "{name_table}",
        ],
    },
    Symptom {
        name: "forbidden-page",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403,
        message: "a firewall or proxy blocked the request to {host}",
        why: "The response was 403 without the JSON of an instance{title}.{by}{unjudged}",
        causes: &[
            ("ip-restriction", Medium, "the instance only allows certain IP addresses"),
            ("middlebox", Medium, "a firewall or proxy in front of the instance denied the request"),
        ],
        next: &["Ask an administrator whether the IP address of this machine is allowed"],
    },
];
