//! Answers to a signed-in user: limits and permissions.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::salesforce::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "concurrent-requests",
        code: Code::RateLimited,
        shows: |response| response.is_with("REQUEST_LIMIT_EXCEEDED", &["concurrent"]),
        message: "{host} has too many long requests at the same time",
        why: "It said: {said}.",
        causes: &[("concurrent-requests", High, "several requests of the organization run for more than 20 seconds")],
        next: &["Wait {wait}, send fewer requests at the same time, then: {again}"],
    },
    Symptom {
        name: "quota-exceeded",
        code: Code::QuotaExceeded,
        shows: |response| response.is(&["REQUEST_LIMIT_EXCEEDED"]),
        message: "the API requests of {host} for 24 hours are used up",
        why: "It said: {said}. All programs and users of the organization share them, and Salesforce does not say when there will be more.",
        causes: &[
            ("other-program", High, "another program uses the most of them"),
            ("small-edition", Medium, "the edition, or a sandbox, has few requests"),
        ],
        next: &["See what uses them in Setup (System Overview, API Usage)", "Wait an hour or more, then: {again}"],
    },
    Symptom {
        name: "rate-limited",
        code: Code::RateLimited,
        shows: |response| response.status() == 429,
        message: "{host} is rate limiting requests",
        why: "It returned 429.{unjudged}",
        causes: &[("too-many", Medium, "too many requests or sign-ins in a short time")],
        next: &["Wait {wait}, then: {again}"],
    },
    Symptom {
        name: "api-disabled",
        code: Code::ApiDisabled,
        shows: |response| response.is(&["API_DISABLED_FOR_ORG", "FUNCTIONALITY_NOT_ENABLED"]),
        message: "the API of {host} is not enabled for {user}",
        why: "It said: {said}. The credential is not the cause.",
        causes: &[
            ("edition", High, "the edition of the organization does not include the API"),
            ("api-enabled", High, "the user lacks the permission API Enabled"),
        ],
        next: &["Ask an administrator for the permission API Enabled, or whether the edition includes the API"],
    },
    Symptom {
        name: "api-paused",
        code: Code::InstanceUnavailable,
        shows: |response| response.is(&["API_CURRENTLY_DISABLED"]),
        message: "the API of {host} is closed for a while",
        why: "It said: {said}.",
        causes: &[("upgrade", High, "the organization is being upgraded or moved")],
        next: &["Wait a few minutes, or wait for it with: {wait_for_it}"],
    },
    Symptom {
        name: "org-locked",
        code: Code::OrgLocked,
        shows: |response| response.is(&["ORG_LOCKED", "TRIAL_EXPIRED", "INACTIVE_ORG"]),
        message: "the organization at {host} is locked",
        why: "It said: {said}. The credential is not the cause.",
        causes: &[
            ("trial-expired", Medium, "the trial has expired"),
            ("org-suspended", Medium, "Salesforce suspended or closed the organization, or deletes the sandbox"),
        ],
        next: &["Ask an administrator of the organization, who can ask Salesforce"],
    },
    Symptom {
        name: "transaction-policy",
        code: Code::AccessDenied,
        shows: |response| response.is(&["TXN_SECURITY_METERING_ERROR"]),
        message: "signed in as {user}, but a transaction security policy blocked the request",
        why: "It said: {said}.",
        causes: &[("transaction-policy", High, "a transaction security policy of the organization blocks this user")],
        next: &["Ask an administrator about the transaction security policies in Setup"],
    },
    Symptom {
        name: "insufficient-access",
        code: Code::AccessDenied,
        shows: |response| response.errors().iter().any(|error| error.code.starts_with("INSUFFICIENT_ACCESS")),
        message: "signed in as {user}, but access was denied",
        why: "It said: {said}.",
        causes: &[
            ("missing-permission", High, "the user lacks a permission for the object or the operation"),
            ("sharing", Medium, "the record is not shared with the user"),
        ],
        next: &["Ask an administrator which permission set {user} needs"],
    },
    Symptom {
        name: "object-hidden",
        code: Code::TableHidden,
        shows: |response| response.is(&["INVALID_TYPE"]),
        message: "signed in, but {table} is hidden from {user}, or does not exist",
        why: "Salesforce gives the same answer in both cases: {said}.",
        causes: &[
            ("object-permission", High, "the user has no Read permission for the object"),
            ("typing-error", High, "the name is misspelled; custom objects end in __c"),
            ("feature-off", Low, "the feature that has the object is not enabled"),
        ],
        next: &[
            "Ask an administrator for a permission set that has Read for the object",
            "Check the name, then: {again}",
        ],
    },
    Symptom {
        name: "field-hidden",
        code: Code::FieldHidden,
        shows: |response| response.is_with("INVALID_FIELD", &["no such column", "didn't understand relationship"]),
        message: "signed in, but a field is hidden from {user}, or does not exist",
        why: "Salesforce gives the same answer in both cases: {said}.",
        causes: &[
            ("field-security", High, "the field-level security hides it from the user"),
            ("typing-error", High, "the name is misspelled; custom fields end in __c"),
        ],
        next: &[
            "Ask an administrator about the field-level security of the field",
            "Ask for other fields: --fields a,b",
        ],
    },
    Symptom {
        name: "query-not-supported",
        code: Code::QueryForbidden,
        shows: |response| response.is(&["INVALID_TYPE_FOR_OPERATION"]),
        message: "signed in as {user}, but {table} does not support this query",
        why: "It said: {said}.",
        causes: &[("not-queryable", High, "the object cannot be queried, or not in this way")],
        next: &["Test with another object: --table NAME"],
    },
    Symptom {
        name: "access-denied",
        code: Code::AccessDenied,
        shows: |response| response.status() == 403 && response.has_its_words(),
        message: "{host} denied the request",
        why: "It returned {status} and said: {said}.{unjudged}",
        causes: &[("missing-permission", Medium, "the user or the app lacks a permission")],
        next: &["Show the code and the text to an administrator"],
    },
    Symptom {
        name: "forbidden-page",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403,
        message: "a firewall or proxy blocked the request to {host}",
        why: "The response was 403 without the JSON of Salesforce{title}.{unjudged}",
        causes: &[
            ("middlebox", Medium, "a firewall or proxy in front denied the request"),
            ("ip-restriction", Medium, "the gateway only allows certain IP addresses"),
        ],
        next: &["Ask an administrator whether the IP address of this machine is allowed", "{add_header}"],
    },
];
