//! From a report, a listing or a failure to what is printed.

pub mod export;
pub mod format;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod paint;
pub mod prometheus;
pub mod rows;
pub mod text;

use crate::check::report::Run;
use crate::report::format::Format;
use crate::report::json::test::{Test, TestConnection, TestSummary};
use crate::report::paint::Paint;

/// A run in one form, as it goes to a file.
pub fn report(format: Format, run: &Run) -> String {
    let mut report = match format {
        Format::Text => text::fleet::text(run, false, Paint::PLAIN),
        Format::Json => json::line(&Test::from(run)),
        Format::Jsonl => {
            let lines = run.reports.iter().map(|report| json::line(&TestConnection::from(report)));
            lines.chain([json::line(&TestSummary::from(run))]).collect::<Vec<_>>().join("\n")
        }
        Format::Junit => junit::document(run),
        Format::Github => github::annotations(run),
        Format::Html => html::page(run),
        Format::Prometheus => prometheus::metrics(run),
        Format::Csv => unreachable!("a report has no rows"),
    };
    if !report.ends_with('\n') {
        report.push('\n');
    }
    report
}
