//! Answers to somebody who is signed in: limits and rights.

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
        message: "{host} limits the rate of requests",
        why: "It answered 429, with the rule that was broken: an administrator allows so many requests an hour.{unjudged}",
        causes: &[("rate-limit-rule", High, "an administrator's rule allows so many requests an hour")],
        next: &["Wait {wait}, then: {again}", "Ask an administrator about the rule that the report names"],
    },
    Symptom {
        name: "node-busy",
        code: Code::RateLimited,
        shows: |response| response.status() == 429,
        message: "{host} has no room for another request",
        why: "It answered 429 and names no rule. That a node is full is likely; it cannot be told from a rule whose headers were taken away.{unjudged}",
        causes: &[
            ("node-busy", Medium, "a node of the instance has no free place for API requests"),
            ("rate-limit-rule", Low, "an administrator's rule allows so many requests an hour"),
        ],
        next: &["Wait {wait}, send fewer requests at a time, then: {again}"],
    },
    Symptom {
        name: "queued",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 202,
        message: "{host} put the question aside instead of answering it",
        why: "It answered 202, as instances do where one session has too many requests at a time.",
        causes: &[("shared-session", Medium, "other programs, or a proxy that adds cookies, use the same session")],
        next: &["Send fewer requests at a time, then: {again}"],
    },
    Symptom {
        name: "unscoped-api",
        code: Code::ScopeRestricted,
        shows: |response| response.is_forbidden() && response.says("access to unscoped api is not allowed"),
        message: "signed in, but this API is outside the allowed scope",
        why: "The instance limits what this sign-in may call.",
        causes: &[
            (
                "auth-scope",
                High,
                "the client's entry is limited to scoped APIs, or its auth scope leaves the Table API out",
            ),
            ("empty-scope", Medium, "the token was asked for without a scope"),
        ],
        next: &[
            "Ask an administrator to set the client's Scope Restriction to \"Broadly scoped\", or to give it the useraccount scope",
            "Then a new token is needed: {login}",
        ],
    },
    Symptom {
        name: "scope-missing",
        code: Code::ScopeRestricted,
        shows: |response| response.is_forbidden() && response.says("missing required api access scope"),
        message: "signed in, but the token lacks a scope that this API wants",
        why: "The instance said: {said}.",
        causes: &[("auth-scope", High, "the REST API auth scopes of the client leave this API out")],
        next: &[
            "Ask an administrator to give the client the scope that the instance names",
            "Then a new token is needed: {login}",
        ],
    },
    Symptom {
        name: "api-acl",
        code: Code::ApiAcl,
        shows: |response| response.is_forbidden() && response.says("failed api level acl validation"),
        message: "signed in as {user}, but the Table API is closed to that user",
        why: "The access rule of the REST endpoint itself refused.",
        causes: &[("missing-role", High, "the user lacks a role such as snc_platform_rest_api_access")],
        next: &["Ask an administrator for the role snc_platform_rest_api_access"],
    },
    Symptom {
        name: "query-forbidden",
        code: Code::QueryForbidden,
        shows: |response| response.is_forbidden() && response.says("insufficient rights to query records"),
        message: "signed in as {user}, but a field of the query may not be read",
        why: "The access rules refuse a field that the query uses.",
        causes: &[("field-acl", High, "a field of the query is hidden from this user, or does not exist")],
        next: &["Test with a table that the user works with: --table NAME"],
    },
    Symptom {
        name: "business-rule",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("aborted by business rule"),
        message: "signed in as {user}, but a business rule stopped the request",
        why: "The connection is good. The instance said: {said}.",
        causes: &[("business-rule", High, "the rule that the instance names does not let this through")],
        next: &["Ask an administrator about the rule, and show the time{transaction}"],
    },
    Symptom {
        name: "acl-exception",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("acl exception"),
        message: "signed in as {user}, but an access rule of the table refused",
        why: "The connection is good. The instance said: {said}.",
        causes: &[("missing-role", High, "the user lacks the role that this operation on the table needs")],
        next: &["Ask an administrator which role {user} needs, and show the time{transaction}"],
    },
    Symptom {
        name: "closed-to-web-services",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.says("webservicepolicyvalidator"),
        message: "signed in as {user}, but the table is closed to web services",
        why: "The instance said: {said}. No role of the user changes that.",
        causes: &[("web-services-off", High, "the table does not allow access by web services")],
        next: &[
            "Ask an administrator to turn on \"Allow access to this table via web services\", on the Application Access tab of the table",
        ],
    },
    Symptom {
        name: "access-denied",
        code: Code::AccessDenied,
        shows: |response| response.is_forbidden() && response.has_envelope(),
        message: "signed in as {user}, but access was denied",
        why: "The instance answered {status}: the sign-in is good, the permission is missing.",
        causes: &[("missing-role", High, "the user lacks a role")],
        next: &["Ask an administrator which role {user} needs, and show the time{transaction}"],
    },
    Symptom {
        name: "forbidden-by-gateway",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403 && matches!(response.body, Body::OtherJson { .. }),
        message: "a gateway in front of {host} blocked the request",
        why: "The answer was 403, in JSON that is not ServiceNow's.{by}{unjudged}",
        causes: &[
            ("gateway", High, "a gateway requires its own key or sign-in"),
            SOME_TABLES,
            ("ip-restriction", Low, "the gateway allows only certain network addresses"),
        ],
        next: &[
            "Ask the people who run the gateway what programs must send, and which tables it publishes",
            "{add_header}",
            "{name_table}",
        ],
    },
    Symptom {
        name: "forbidden-page",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403,
        message: "a firewall or proxy blocked the request to {host}",
        why: "The answer was 403 without the JSON that an instance gives{title}.{by}{unjudged}",
        causes: &[
            ("ip-restriction", Medium, "the instance allows only certain network addresses"),
            ("middlebox", Medium, "a firewall or proxy between here and the instance refused"),
        ],
        next: &["Ask an administrator whether the address of this machine is allowed"],
    },
];
