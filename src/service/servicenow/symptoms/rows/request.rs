//! Answers about the request: its table, its size, its form.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::servicenow::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "table-missing",
        code: Code::TableMissing,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("invalid table"),
        message: "table {table} does not exist",
        why: "The sign-in works. The instance gives every user this answer, so it is not about permissions.",
        causes: &[
            ("typing-error", High, "the name is misspelled, or is the label: the name looks like cmdb_ci"),
            ("app-missing", Medium, "the application that contains the table is not installed"),
        ],
        next: &["Check the table name, then run the test again"],
    },
    Symptom {
        name: "record-missing",
        code: Code::RecordMissing,
        shows: |response| {
            response.status() == 404 && (response.says("no record found") || response.says("acl restricts the record"))
        },
        message: "the record does not exist or is hidden from {user}",
        why: "The instance gives the same answer in both cases.",
        causes: &[],
        next: &["Ask an administrator whether it exists and who may read it"],
    },
    Symptom {
        name: "no-such-resource",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("does not represent any resource"),
        message: "{host} does not support this API path",
        why: "It said: {said}. The sign-in is not the cause.",
        causes: &[
            ("old-release", Medium, "the release of the instance does not have this API or API version"),
            ("other-path", Low, "a proxy changes the path of requests"),
        ],
        next: &["If --api-version is set, leave it out; otherwise give the transaction id to an administrator"],
    },
    Symptom {
        name: "requires-tls",
        code: Code::TlsFailure,
        shows: |response| response.status() == 400 && response.text().to_lowercase().contains("requires tls"),
        message: "{host} requires https, but the request used http",
        why: "The port only accepts TLS. The request was sent unencrypted and was not processed.",
        causes: &[("http-address", High, "the address of the connection begins with http://")],
        next: &["Use an address that begins with https://"],
    },
    Symptom {
        name: "payload-too-large",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            response.status() == 413 || (response.status() == 400 && response.says("rejected large rest payload"))
        },
        message: "{host} rejected the request because of its size",
        why: "An instance accepts up to 10 MB. A test sends far less, so a proxy or gateway has a lower limit.",
        causes: &[("middlebox", Medium, "a proxy or gateway limits the request size")],
        next: &["Give the status, message and transaction id to the people who run the proxy or the instance"],
    },
    Symptom {
        name: "address-too-long",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 414,
        message: "{host} rejected the request because its URL is too long",
        why: "It returned 414. An instance accepts about 8,000 characters; a test sends far fewer.",
        causes: &[("middlebox", Medium, "a proxy or gateway has a lower limit than the instance")],
        next: &["Give the status and the time to the people who run the proxy or the instance"],
    },
    Symptom {
        name: "request-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 405 | 406 | 415) && response.is_servicenow(),
        message: "{host} rejected the method or headers of the request",
        why: "The method, Accept or Content-Type is not what the API accepts. Either snow has a bug, or a proxy changes requests.",
        causes: &[("changed-request", Medium, "a proxy changes the method or the headers of requests")],
        next: &[
            "Test without a proxy; if the error persists, report it with the message and the release of the instance",
        ],
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
        why: "It returned {status}.{unjudged}",
        causes: &[
            ("long-token", High, "the access token is longer than a proxy or gateway allows"),
            ("added-headers", Medium, "a proxy adds headers or cookies"),
        ],
        next: &["Ask the people who run the proxy or gateway to raise the header size limit (16 KiB is enough)"],
    },
    Symptom {
        name: "header-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            let front_end = response.raw.header("server").is_some_and(|server| server.eq_ignore_ascii_case("snow_adc"));
            response.status() == 400 && front_end && !response.has_envelope()
        },
        message: "the load balancer of {host} rejected a request header",
        why: "It returned 400, as it does if a header is invalid or duplicated. The request did not reach the instance.{unjudged}",
        causes: &[("doubled-header", Medium, "a proxy adds a second Authorization header or corrupts one")],
        next: &["Test without a proxy; if the error persists, report it as a bug in snow"],
    },
    Symptom {
        name: "client-closed",
        code: Code::Timeout,
        shows: |response| response.status() == 499,
        message: "{host} aborted the request as closed by the client",
        why: "It returned 499: a proxy or gateway closed the connection before the instance had finished.{unjudged}",
        causes: &[("middlebox", Medium, "a gateway times out before the instance responds")],
        next: &[
            "Run the command again with a longer --timeout; if the error persists, ask the people who run the gateway",
        ],
    },
];
