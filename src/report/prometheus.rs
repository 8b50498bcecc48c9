//! The tests of a run as metrics, in the text format of Prometheus.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::check::report::{Report, Run, Verdict};

/// A metric: its name, what it says, and its value for a connection, with its own
/// label before it if it has one.
type Metric = (&'static str, &'static str, fn(&Report) -> Option<(String, f64)>);

const METRICS: &[Metric] = &[
    ("snow_connection_up", "Whether the connection works.", |report| match report.verdict() {
        Verdict::Passed => plain(1.0),
        Verdict::Failed(_) => plain(0.0),
        Verdict::NotTested(_) => None,
    }),
    ("snow_connection_test_duration_seconds", "How long the test took.", |report| {
        is_tested(report).then(|| plain(report.duration.as_secs_f64())).flatten()
    }),
    ("snow_connection_last_success_timestamp_seconds", "When the connection last worked.", |report| {
        if report.is_ok() { time(Some(report.tested_at)) } else { time(report.worked_before) }
    }),
    ("snow_certificate_expiry_timestamp_seconds", "When the certificate of the instance ends.", |report| {
        time(report.certificate_ends)
    }),
    ("snow_access_token_expiry_timestamp_seconds", "When the access token ends.", |report| {
        time(report.token.and_then(|token| token.expires_at))
    }),
    ("snow_connection_test_failure", "1 where the test failed, with the class of the failure.", |report| {
        let failure = report.failure().filter(|_| is_tested(report))?;
        Some((format!(",class=\"{}\"", failure.class().as_str()), 1.0))
    }),
];

/// The metrics of all connections of a run.
pub fn metrics(run: &Run) -> String {
    let mut text = String::new();
    for (name, help, value) in METRICS {
        let samples = run.reports.iter().filter_map(|report| {
            let (label, value) = value(report)?;
            let labels =
                format!("name=\"{}\",instance=\"{}\"{label}", escaped(&report.name), escaped(&report.instance));
            Some(format!("{name}{{{labels}}} {value}\n"))
        });
        let samples: String = samples.collect();
        if !samples.is_empty() {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{samples}");
        }
    }
    text
}

fn is_tested(report: &Report) -> bool {
    report.not_tested.is_none()
}

fn plain(value: f64) -> Option<(String, f64)> {
    Some((String::new(), value))
}

fn time(at: Option<DateTime<Utc>>) -> Option<(String, f64)> {
    // Whole seconds: milliseconds would be noise.
    at.and_then(|at| plain(at.timestamp() as f64))
}

/// A value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
