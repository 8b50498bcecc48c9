//! Salesforce in trouble, and answers that say nothing else.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::salesforce::classify::Body;
use crate::service::salesforce::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "server-unavailable",
        code: Code::InstanceUnavailable,
        shows: |response| response.is(&["SERVER_UNAVAILABLE"]) || response.status() == 503,
        message: "{host} is too busy or under maintenance",
        why: "It said: {said}.{unjudged}",
        causes: &[("overloaded", Medium, "the organization is busy, or Salesforce maintains the instance")],
        next: &["Wait a few minutes, or wait for it with: {wait_for_it}"],
    },
    Symptom {
        name: "too-long",
        code: Code::TransactionCancelled,
        shows: |response| response.is(&["REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT"]),
        message: "{host} cancelled the request because it took too long",
        why: "It said: {said}.",
        causes: &[(
            "slow-query",
            Medium,
            "the organization is busy, or the query is large and its condition not selective",
        )],
        next: &["Run the command again; if the error persists, ask for less"],
    },
    Symptom {
        name: "unknown-exception",
        code: Code::InstanceError,
        shows: |response| response.is(&["UNKNOWN_EXCEPTION"]),
        message: "{host} reported an internal error",
        why: "It said: {said}.",
        causes: &[("other-host", Low, "the request went to a host that does not serve the organization")],
        next: &["Run the command again; if the error persists, give the text to Salesforce"],
    },
    Symptom {
        name: "unknown-error",
        code: Code::UnexpectedAnswer,
        shows: |response| response.has_errors(),
        message: "{host} refused the request with an error that snow does not know",
        why: "It returned {status} and said: {said}.{unjudged}",
        causes: &[],
        next: &["Look the code up in the documentation of Salesforce, or show it to an administrator"],
    },
    Symptom {
        name: "server-error",
        code: Code::InstanceError,
        shows: |response| response.status() >= 500,
        message: "{host} reported an internal error",
        why: "It returned {status} without an error of the API.",
        causes: &[],
        next: &["Run the command again; if the error persists, look at status.salesforce.com"],
    },
    Symptom {
        name: "cut-off",
        code: Code::TruncatedAnswer,
        shows: |response| response.status() < 300 && matches!(response.body, Body::CutJson),
        message: "the response of {host} was cut off",
        why: "It began as JSON and is incomplete.",
        causes: &[("cut", Medium, "Salesforce, or a proxy in front of it, ended the response early")],
        next: &["Run the command again"],
    },
    Symptom {
        name: "login-page",
        code: Code::LoginPage,
        shows: |response| response.is_html() && response.is_salesforce(),
        message: "{host} returned a page for people instead of JSON",
        why: "The page is one of Salesforce{title}, but not of its API.{unjudged}",
        causes: &[("wrong-address", High, "the address is one for browsers: the API is at NAME.my.salesforce.com")],
        next: &["Use the My Domain of the organization, NAME.my.salesforce.com"],
    },
    Symptom {
        name: "unexpected-answer",
        code: Code::UnexpectedAnswer,
        shows: |response| response.is_salesforce() || response.has_its_words(),
        message: "{host} returned an unexpected response",
        why: "It returned {status} and said: {said}.{unjudged}",
        causes: &[],
        next: &["Show the status and the text to an administrator"],
    },
    Symptom {
        name: "not-salesforce",
        code: Code::NotSalesforce,
        shows: |_| true,
        message: "{host} is not a Salesforce organization",
        why: "The response does not come from its API{title}.{unjudged}",
        causes: &[
            ("wrong-address", High, "the address does not belong to an organization"),
            ("middlebox", Medium, "a proxy or captive portal answers in place of Salesforce"),
        ],
        next: &[
            "Use the My Domain of the organization, such as acme or https://acme.my.salesforce.com",
            "{add_header}",
        ],
    },
];
