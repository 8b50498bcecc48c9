//! A failure: what, why, and the one thing to do.

use super::lines::{self, INDENT, hanging, head, labelled, whole};
use crate::base::code::Class;
use crate::base::error::{Failure, Likelihood};
use crate::report::paint::Paint;

/// A failure on standard error.
pub fn error(failure: &Failure, paint: Paint) -> String {
    let mark = format!("{}: ", paint.bad("error"));
    let mut lines = vec![head(&mark, failure.message(), Some(failure.exit_code()), paint)];
    lines.extend(explanation(failure, paint));
    lines.extend(see(failure, paint));
    lines.join("\n")
}

pub fn explanation(failure: &Failure, paint: Paint) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(why) = failure.reason() {
        parts.push(labelled("why", why, paint, INDENT));
    }
    for cause in failure.likely_causes() {
        let bullet = if parts.is_empty() { "why" } else { "" };
        let text = format!("{}: {}", likelihood(cause.likelihood), cause.text);
        parts.push(hanging(bullet, &text, paint));
    }
    for (index, step) in failure.steps().iter().enumerate() {
        parts.push(lines::step(index, step, paint, INDENT));
    }
    let text = |key: &str| failure.seen(key)?.as_str();
    let mut said: Vec<&str> = ["server_message", "server_detail", "oauth_error", "oauth_error_description"]
        .into_iter()
        .filter_map(text)
        .collect();
    said.dedup();
    let mut seen = Vec::new();
    if let Some(status) = failure.seen("http_status").and_then(serde_json::Value::as_u64) {
        seen.push(format!("HTTP {status}"));
    }
    if !said.is_empty() {
        seen.push(format!("\"{}\"", said.join(": ")));
    }
    // What has a transaction came from the instance itself, whatever its server is called.
    let transaction = text("transaction_id");
    let told = [Some(failure.message()), failure.reason()];
    let untold = |found: &&str| !told.iter().flatten().any(|told| told.contains(*found));
    let evidence = [
        ("page", text("page_title")),
        ("server", text("server").filter(|_| transaction.is_none())),
        ("challenge", text("www_authenticate")),
        ("reference", text("reference")),
        ("redirect to", text("redirect_target")),
    ];
    let evidence = evidence.into_iter().filter_map(|(name, found)| Some((name, found.filter(untold)?)));
    seen.extend(evidence.map(|(name, found)| format!("{name} {found}")));
    if let Some(at) = text("retry_at") {
        seen.push(format!("retry at {at}"));
    } else if let Some(wait) = text("retry_after") {
        seen.push(format!("Retry-After {wait}"));
    }
    if let Some(transaction) = transaction {
        seen.push(format!("transaction {transaction}"));
    }
    if let Some(time) = text("server_time") {
        seen.push(time.to_owned());
    }
    if !seen.is_empty() {
        parts.push(labelled("seen", &seen.join(", "), paint, INDENT));
    }
    parts
}

/// How likely a cause is, in a word.
pub fn likelihood(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::High => "likely",
        Likelihood::Medium => "possible",
        Likelihood::Low => "unlikely",
    }
}

/// Where more is said. What was typed wrong or stopped needs no more words.
pub fn see(failure: &Failure, paint: Paint) -> Option<String> {
    let code = failure.code();
    let is_plain = matches!(code.class(), Class::Usage | Class::Signal);
    (!is_plain).then(|| labelled("see", &whole(&format!("snow explain {}", code.as_str())), paint, INDENT))
}
