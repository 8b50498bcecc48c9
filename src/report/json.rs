//! JSON documents. The top level is an object with `schema`; within a `/1`
//! keys are only added.

use serde_json::{Value, json};

use super::text::list::Row;
use crate::base::error::Failure;
use crate::base::time::timestamp;
use crate::check::report::{Check, Report, Run, Status, Summary};
use crate::doctor;
use crate::history::json::connection;
use crate::model::profile::ConnectionName;

/// `snow.list/1`
pub fn list(default: Option<&ConnectionName>, rows: &[Row<'_>]) -> Value {
    let connections: Vec<_> = rows.iter().map(|row| connection(row.profile, row.is_default, row.last_test)).collect();
    json!({ "schema": "snow.list/1", "default": default, "connections": connections })
}

/// `snow.error/1`
pub fn error(failure: &Failure) -> Value {
    json!({ "schema": "snow.error/1", "error": failure })
}

/// `snow.test/1`
pub fn run(run: &Run) -> Value {
    let mut document = totals("snow.test/1", run);
    document["connections"] = run.reports.iter().map(report).collect();
    document
}

/// `snow.test.summary/1`, the last line of a run as JSON lines.
pub fn summary(run: &Run) -> Value {
    totals("snow.test.summary/1", run)
}

/// `snow.test.connection/1`, one line of a run as JSON lines.
pub fn line(report: &Report) -> Value {
    let mut document = json!({ "schema": "snow.test.connection/1" });
    if let (Value::Object(document), Value::Object(report)) = (&mut document, self::report(report)) {
        document.extend(report);
    }
    document
}

fn totals(schema: &str, run: &Run) -> Value {
    let Summary { total, passed, failed, warned, skipped } = run.summary();
    let exit_code = run.exit_code();
    json!({
        "schema": schema,
        "ok": exit_code == 0,
        "exit_code": exit_code,
        "started_at": timestamp(run.started_at),
        "duration_ms": milliseconds(run.duration),
        "stopped": run.stopped_by.is_some(),
        "summary": { "total": total, "passed": passed, "failed": failed, "warned": warned, "skipped": skipped },
    })
}

/// One element of `connections` in `snow.test/1`.
pub fn report(report: &Report) -> Value {
    let failure = report.failure();
    let mut document = json!({
        "name": report.name,
        "id": report.id,
        "instance": report.instance,
        "auth": report.auth,
        "ok": report.is_ok(),
        "class": failure.map(|failure| failure.class().as_str()),
        "code": failure.map(Failure::code),
        "duration_ms": milliseconds(report.duration),
        "identity": report.identity.as_ref().map(|identity| json!({
            "user_name": identity.user_name,
            "source": identity.source.as_str(),
        })),
        "latency_ms": report.latency.map(milliseconds),
        "certificate": report.certificate_ends.map(|ends| json!({ "not_after": timestamp(ends) })),
        "credential": credential(report),
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
    });
    if !report.changes.is_empty() {
        document["changes"] = json!(report.changes);
    }
    if let Some(why) = report.not_tested {
        document["not_tested"] = why.as_str().into();
    }
    // The one failure that is no check's own.
    if let Some(strict) = &report.strict {
        document["error"] = json!(strict);
    }
    document
}

fn credential(report: &Report) -> Value {
    match report.token {
        None => json!({ "store": report.store }),
        Some(token) => json!({
            "store": report.store,
            "expires_at": token.expires_at.map(timestamp),
            "refreshed": token.refreshed,
        }),
    }
}

fn check(check: &Check) -> Value {
    let mut document = json!({ "id": check.id.as_str(), "status": check.status.as_str() });
    let members = document.as_object_mut().expect("it was just made an object");
    if let Some(target) = &check.target {
        members.insert("target".into(), json!(target));
    }
    if let Some(took) = check.took {
        members.insert("ms".into(), json!(milliseconds(took)));
    }
    if let (Some(error), Status::Fail | Status::Warn) = (&check.error, check.status) {
        members.insert("error".into(), json!(error));
    }
    document
}

/// `snow.doctor/1`
pub fn doctor(checks: &[doctor::Check], exit_code: u8, bundle: Value) -> Value {
    json!({
        "schema": "snow.doctor/1",
        "ok": exit_code == 0,
        "exit_code": exit_code,
        "checks": checks.iter().map(doctor::Check::json).collect::<Vec<_>>(),
        "bundle": bundle,
    })
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
