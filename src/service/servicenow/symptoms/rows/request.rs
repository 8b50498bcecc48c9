//! Answers about the request: its table, its size, its form.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::servicenow::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "table-missing",
        code: Code::TableMissing,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("invalid table"),
        message: "there is no table {table}",
        why: "The sign-in is good. The instance gives this answer to every user, so it is not a matter of permission.",
        causes: &[
            ("typing-error", High, "the name is misspelt: it is the name, not the label, as in cmdb_ci"),
            ("app-missing", Medium, "the application that brings the table is not installed"),
        ],
        next: &["Check the name of the table, then run the test again"],
    },
    Symptom {
        name: "record-missing",
        code: Code::RecordMissing,
        shows: |response| {
            response.status() == 404 && (response.says("no record found") || response.says("acl restricts the record"))
        },
        message: "the record is absent, or hidden from {user}",
        why: "The instance answers the same in both cases.",
        causes: &[],
        next: &["Ask an administrator whether it exists and who may read it"],
    },
    Symptom {
        name: "no-such-resource",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("does not represent any resource"),
        message: "{host} does not know this part of its API",
        why: "It said: {said}. The sign-in is not the trouble.",
        causes: &[
            ("old-release", Medium, "the release of the instance is older than this API or its version"),
            ("other-path", Low, "something in between changes the path of requests"),
        ],
        next: &["Leave --api-version out where one is set; otherwise show the transaction id to an administrator"],
    },
    Symptom {
        name: "requires-tls",
        code: Code::TlsFailure,
        shows: |response| response.status() == 400 && response.text().to_lowercase().contains("requires tls"),
        message: "{host} wants https, and was asked by http",
        why: "What listens there speaks TLS alone. The request went out unprotected, and was not judged.",
        causes: &[("http-address", High, "the address of the connection begins with http://")],
        next: &["Give the address with https://"],
    },
    Symptom {
        name: "payload-too-large",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            response.status() == 413 || (response.status() == 400 && response.says("rejected large rest payload"))
        },
        message: "{host} does not take a request of this size",
        why: "An instance takes 10 MB at most. What snow sends in a test is far smaller, so something in between has a limit of its own.",
        causes: &[("middlebox", Medium, "a proxy or gateway limits the size of requests")],
        next: &["Show status, message and transaction id to whoever runs the proxy or the instance"],
    },
    Symptom {
        name: "address-too-long",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 414,
        message: "{host} does not take an address of this length",
        why: "It answered 414. An instance takes about 8,000 characters; what a test asks for is far shorter.",
        causes: &[("middlebox", Medium, "a proxy or gateway allows less than the instance")],
        next: &["Show what was seen to whoever runs the proxy or the instance"],
    },
    Symptom {
        name: "request-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 405 | 406 | 415) && response.is_servicenow(),
        message: "{host} does not take the request in this form",
        why: "Method, Accept or Content-Type is not what its API wants. That is a defect of snow, or of something in between that changes requests.",
        causes: &[("changed-request", Medium, "a proxy changes the method or the headers of requests")],
        next: &["Test without a proxy; if it stays, report it with the message and the release of the instance"],
    },
    Symptom {
        name: "header-too-large",
        code: Code::RequestTooLarge,
        shows: |response| {
            let text = response.text().to_lowercase();
            let is_about_headers = ["header", "cookie"].iter().any(|word| text.contains(word));
            response.status() == 431 || (response.status() == 400 && text.contains("too large") && is_about_headers)
        },
        message: "{host} rejected the request: a header is too large",
        why: "It answered {status}.{unjudged}",
        causes: &[
            ("long-token", High, "the access token is longer than a proxy or gateway allows"),
            ("added-headers", Medium, "a proxy adds headers or cookies of its own"),
        ],
        next: &["Ask whoever runs the proxy or gateway for more room for headers (16 KiB are enough)"],
    },
    Symptom {
        name: "header-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            let front_end = response.raw.header("server").is_some_and(|server| server.eq_ignore_ascii_case("snow_adc"));
            response.status() == 400 && front_end && !response.has_envelope()
        },
        message: "the front end of {host} refused a header of the request",
        why: "It answered 400 by itself, as it does where a header is invalid or stands twice. The instance behind it was not asked.{unjudged}",
        causes: &[("doubled-header", Medium, "a proxy adds a second Authorization header, or spoils one")],
        next: &["Test without a proxy; if it stays, report it as a defect of snow"],
    },
    Symptom {
        name: "client-closed",
        code: Code::Timeout,
        shows: |response| response.status() == 499,
        message: "{host} stopped, because it took the request for given up",
        why: "It answered 499: something in between closed the connection before the instance was done.{unjudged}",
        causes: &[("middlebox", Medium, "a gateway waits for a shorter time than the instance needs")],
        next: &["Run the command again with a longer --timeout; if it stays, ask whoever runs the gateway"],
    },
];
