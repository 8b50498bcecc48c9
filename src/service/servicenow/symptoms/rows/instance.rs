//! An instance in trouble, and answers that tell nothing else.

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
        message: "{host} cancelled the request in the middle of its answer",
        why: "The status still promised success, and the instance said at the end that the transaction had reached its quota. Part of an answer was not taken for a whole one.",
        causes: &[("slow-query", Medium, "the table is large and the query not indexed, or the instance is busy")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        name: "transaction-cancelled",
        code: Code::TransactionCancelled,
        shows: |response| response.says("transaction cancelled"),
        message: "{host} cancelled the request because it took too long",
        why: "The instance stops a transaction at its quota.",
        causes: &[("slow-query", Medium, "the table is large and the query not indexed, or the instance is busy")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
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
        message: "the gateway of {host} waited in vain for the instance",
        why: "It answered 504.{unjudged}",
        causes: &[("overloaded", Medium, "the instance is overloaded or starting")],
        next: &["Wait a moment, then: {again}"],
    },
    Symptom {
        name: "front-end-alone",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503) && !response.has_envelope(),
        message: "{host} is restarting or under maintenance",
        why: "Its front end answers, the instance behind it does not.{unjudged}",
        causes: &[("waking", Medium, "it is waking up or restarting"), ("upgrade", Medium, "it is being upgraded")],
        next: &["Wait a few minutes, or let it be waited for: {wait_for_it}"],
    },
    Symptom {
        name: "maintenance",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503),
        message: "{host} is under maintenance",
        why: "The instance itself says that it cannot serve now: {said}.",
        causes: &[("upgrade", High, "it is being upgraded or maintained")],
        next: &["Wait until that is over, or let it be waited for: {wait_for_it}"],
    },
    Symptom {
        name: "instance-error",
        code: Code::InstanceError,
        shows: |response| response.status() >= 500,
        message: "{host} had an error of its own",
        why: "The reason stands in the system log of the instance.",
        causes: &[],
        next: &["Show an administrator what was seen"],
    },
    Symptom {
        name: "truncated-answer",
        code: Code::TruncatedAnswer,
        shows: |response| response.status() < 300 && matches!(response.body, Body::CutJson),
        message: "the answer of {host} stopped in the middle",
        why: "It began as JSON and is not complete.",
        causes: &[("cut", Medium, "the instance or something in between ended the answer early")],
        next: &["{again}"],
    },
    Symptom {
        name: "late-error",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() < 300 && response.has_envelope(),
        message: "{host} promised success and then reported an error",
        why: "The status was good, and the answer ends with an error: {said}. What came before it was not taken for whole.",
        causes: &[("late-failure", High, "the instance failed after it had begun to answer")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        name: "unexpected-answer",
        code: Code::UnexpectedAnswer,
        shows: |response| response.has_envelope() || (response.is_servicenow() && !response.is_html()),
        message: "{host} answered in a way that makes no sense here",
        why: "It is an instance, but this is not an answer of the Table API to a question that was asked properly.",
        causes: &[],
        next: &["Show status, message and transaction id to an administrator"],
    },
    Symptom {
        name: "other-json",
        code: Code::NotServiceNow,
        shows: |response| matches!(response.body, Body::OtherJson { .. }),
        message: "what answers at {host} is another API",
        why: "It speaks JSON, and has neither the result nor the error of the Table API.{by}{unjudged}",
        causes: &[
            ("wrong-address", High, "the address is that of another service"),
            SOME_TABLES,
            ("middlebox", Low, "a gateway answers in place of the instance"),
        ],
        next: &[
            "Check the address: it is the one in the browser after signing in to the instance",
            "{name_table}",
            "{add_header}",
        ],
    },
    Symptom {
        name: "not-servicenow",
        code: Code::NotServiceNow,
        shows: |_| true,
        message: "what answers at {host} is not a ServiceNow API",
        why: "The answer has nothing of the Table API{title}.{by}{unjudged}",
        causes: &[
            ("wrong-address", High, "the address is not that of an instance"),
            ("middlebox", Medium, "a proxy or captive portal answers in its place"),
            SOME_TABLES,
        ],
        next: &["Check the address: it is the one in the browser after signing in to the instance", "{name_table}"],
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
    message: "a proxy in front of {host} does not reach the instance",
    why: "It answered {status} by itself{title}. It is not the front end of an instance.{by}{unjudged}",
    causes: &[
        ("own-proxy", High, "your own proxy or load balancer cannot reach the instance"),
        ("waking", Medium, "the instance is restarting or under maintenance"),
    ],
    next: &["Ask the people who run the proxy whether it reaches the instance", "Wait a few minutes: {wait_for_it}"],
};
