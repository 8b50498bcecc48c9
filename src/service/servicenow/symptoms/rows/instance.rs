//! An instance in trouble, and responses that say nothing else.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::servicenow::classify::Body;
use crate::service::servicenow::symptoms::Symptom;
use crate::service::servicenow::symptoms::rows::SOME_TABLES;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "cancelled-late",
        code: Code::TransactionCancelled,
        shows: |response| {
            let broken = matches!(response.body, Body::CutJson) && response.text().contains("Transaction cancelled");
            response.status() < 300 && (broken || response.says("transaction cancelled"))
        },
        message: "{host} cancelled the request in the middle of its response",
        why: "The status was a success, but the response ends with an error: the transaction reached its quota. The partial response was discarded.",
        causes: &[("slow-query", Medium, "the table is large and the query is not indexed, or the instance is busy")],
        next: &["Run the command again; if the error persists, give the transaction id to an administrator"],
    },
    Symptom {
        name: "transaction-cancelled",
        code: Code::TransactionCancelled,
        shows: |response| response.says("transaction cancelled"),
        message: "{host} cancelled the request because it took too long",
        why: "The instance cancels transactions that reach their quota.",
        causes: &[("slow-query", Medium, "the table is large and the query is not indexed, or the instance is busy")],
        next: &["Run the command again; if the error persists, give the transaction id to an administrator"],
    },
    Symptom {
        name: "own-proxy-timeout",
        code: Code::GatewayTimeout,
        shows: |response| response.status() == 504 && response.foreign_server().is_some(),
        ..OWN_PROXY
    },
    OWN_PROXY,
    Symptom {
        name: "gateway-timeout",
        code: Code::GatewayTimeout,
        shows: |response| response.status() == 504,
        message: "the gateway of {host} timed out waiting for the instance",
        why: "It returned 504.{unjudged}",
        causes: &[("overloaded", Medium, "the instance is overloaded or starting")],
        next: &["Wait a moment, then: {again}"],
    },
    Symptom {
        name: "front-end-alone",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503) && !response.has_envelope(),
        message: "{host} is restarting or under maintenance",
        why: "Its load balancer responds, but the instance behind it does not.{unjudged}",
        causes: &[("waking", Medium, "it is waking up or restarting"), ("upgrade", Medium, "it is being upgraded")],
        next: &["Wait a few minutes, or wait for it with: {wait_for_it}"],
    },
    Symptom {
        name: "maintenance",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503),
        message: "{host} is under maintenance",
        why: "The instance reported that it is unavailable: {said}.",
        causes: &[("upgrade", High, "it is being upgraded or maintained")],
        next: &["Wait until the maintenance has ended, or wait for it with: {wait_for_it}"],
    },
    Symptom {
        name: "instance-error",
        code: Code::InstanceError,
        shows: |response| response.status() >= 500,
        message: "{host} reported an internal error",
        why: "The reason is in the system log of the instance.",
        causes: &[],
        next: &["Give an administrator the time{transaction}"],
    },
    Symptom {
        name: "truncated-answer",
        code: Code::TruncatedAnswer,
        shows: |response| response.status() < 300 && matches!(response.body, Body::CutJson),
        message: "the response of {host} was cut off",
        why: "It began as JSON and is incomplete.",
        causes: &[("cut", Medium, "the instance, or a proxy in front of it, ended the response early")],
        next: &["{again}"],
    },
    Symptom {
        name: "late-error",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() < 300 && response.has_envelope(),
        message: "{host} reported an error after a success status",
        why: "The response ends with an error: {said}. The partial response was discarded.",
        causes: &[("late-failure", High, "the instance failed after it had started to respond")],
        next: &["Run the command again; if the error persists, give the transaction id to an administrator"],
    },
    Symptom {
        name: "unexpected-answer",
        code: Code::UnexpectedAnswer,
        shows: |response| response.has_envelope() || (response.is_servicenow() && !response.is_html()),
        message: "{host} returned an unexpected response",
        why: "It is an instance, but this is not a Table API response to a valid request.",
        causes: &[],
        next: &["Give the status, message and transaction id to an administrator"],
    },
    Symptom {
        name: "other-json",
        code: Code::NotServiceNow,
        shows: |response| matches!(response.body, Body::OtherJson { .. }),
        message: "{host} is not a ServiceNow API",
        why: "It returned JSON, but neither a result nor an error of the Table API.{by}{unjudged}",
        causes: &[
            ("wrong-address", High, "the address belongs to another service"),
            SOME_TABLES,
            ("middlebox", Low, "a gateway answers in place of the instance"),
        ],
        next: &[
            "Check the address: use the one that the browser shows after you sign in to the instance",
            "{name_table}",
            "{add_header}",
        ],
    },
    Symptom {
        name: "not-servicenow",
        code: Code::NotServiceNow,
        shows: |_| true,
        message: "{host} is not a ServiceNow instance",
        why: "The response does not come from the Table API{title}.{by}{unjudged}",
        causes: &[
            ("wrong-address", High, "the address does not belong to an instance"),
            ("middlebox", Medium, "a proxy or captive portal answers in place of the instance"),
            SOME_TABLES,
        ],
        next: &[
            "Check the address: use the one that the browser shows after you sign in to the instance",
            "{name_table}",
        ],
    },
];

/// What passes requests on to the instance, and is not the instance's own.
const OWN_PROXY: Symptom = Symptom {
    name: "own-proxy",
    code: Code::InstanceUnavailable,
    shows: |response| {
        let passes_on = matches!(response.status(), 502 | 503 | 520..=530);
        passes_on && response.foreign_server().is_some() && !response.is_servicenow()
    },
    message: "a proxy in front of {host} cannot reach the instance",
    why: "It returned {status} itself{title}. It is not the load balancer of an instance.{by}{unjudged}",
    causes: &[
        ("own-proxy", High, "your own proxy or load balancer cannot reach the instance"),
        ("waking", Medium, "the instance is restarting or under maintenance"),
    ],
    next: &[
        "Ask the people who run the proxy whether it can reach the instance",
        "Wait a few minutes, or wait for it with: {wait_for_it}",
    ],
};
