//! Answers about the request: its object, its query, its version.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::salesforce::classify::RequestKind;
use crate::service::salesforce::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "api-version",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            response.is(&["UNSUPPORTED_API_VERSION"]) || (response.status() == 410 && response.is_salesforce())
        },
        message: "{host} does not have this version of the API",
        why: "It returned {status} and said: {said}.",
        causes: &[
            ("newer", High, "the version is later than those of the organization"),
            ("retired", Medium, "the version is so old that it was retired"),
        ],
        next: &["Use a version that the organization lists at /services/data: {set_version}"],
    },
    Symptom {
        name: "query-invalid",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            let is_in_numbers = || response.is(&["NUMBER_OUTSIDE_VALID_RANGE", "INVALID_QUERY_LOCATOR"]);
            response.is(&["MALFORMED_QUERY", "INVALID_FIELD", "INVALID_QUERY_FILTER_OPERATOR"]) || is_in_numbers()
        },
        message: "{host} cannot read the query",
        why: "It said: {said}. The sign-in works.",
        causes: &[
            ("condition", High, "the condition is not SOQL: texts are in single quotes, as in Status = 'New'"),
            ("offset", Low, "OFFSET goes no further than 2000"),
            ("closed", Low, "a query with an order is no longer open: begin it anew, and remove its checkpoint"),
        ],
        next: &["Correct the condition, the fields or the order"],
    },
    Symptom {
        name: "object-not-found",
        code: Code::TableMissing,
        shows: |response| {
            response.status() == 404 && response.is(&["NOT_FOUND"]) && matches!(response.request, RequestKind::Table(_))
        },
        message: "{table} does not exist, or is hidden from {user}",
        why: "Salesforce gives the same answer in both cases: {said}.",
        causes: &[
            ("typing-error", High, "the name is misspelled; custom objects end in __c"),
            ("object-permission", High, "the user has no Read permission for the object"),
        ],
        next: &["Check the name: {tables}", "Ask an administrator for a permission set that has Read for the object"],
    },
    Symptom {
        name: "not-found",
        code: Code::RecordMissing,
        shows: |response| response.is(&["NOT_FOUND", "ENTITY_IS_DELETED"]),
        message: "what was asked of {host} does not exist, or is hidden from {user}",
        why: "It said: {said}. The sign-in is not the cause.",
        causes: &[
            ("path", High, "the path is wrong, or the API version does not have it"),
            ("deleted", Medium, "the record was deleted, or is not shared with the user"),
        ],
        next: &["Check the path and the id"],
    },
    Symptom {
        name: "address-too-long",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 414,
        message: "{host} rejected the request because its URL is too long",
        why: "It returned 414. Salesforce accepts 16,384 bytes.",
        causes: &[("long-query", Medium, "the query has too many fields or conditions")],
        next: &["Ask for fewer fields"],
    },
    Symptom {
        name: "header-too-large",
        code: Code::RequestTooLarge,
        shows: |response| response.status() == 431,
        message: "{host} rejected the request: a header is too large",
        why: "It returned {status}.{unjudged}",
        causes: &[
            ("long-url", Medium, "the URL and the headers are longer than 16,384 bytes together"),
            ("added-headers", Medium, "a proxy adds headers or cookies"),
        ],
        next: &["Ask for fewer fields, or ask the people who run the proxy"],
    },
];
