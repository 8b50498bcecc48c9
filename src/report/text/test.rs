//! The test of one connection.

use std::time::Duration;

use textwrap::core::display_width;
use unicode_width::UnicodeWidthStr;

use super::connection::auth_label;
use super::failure::{explanation, see};
use super::lines::{INDENT, cut, head, labelled, pad};
use super::time::{ago, took, until};
use crate::base::error::Failure;
use crate::check::report::{Check, CheckId, Report, Status, Verdict};
use crate::report::paint::Paint;

/// The column of how long a step took.
const TIME: usize = 9;

/// The report of one connection.
pub fn report(report: &Report, paint: Paint) -> String {
    match report.verdict() {
        Verdict::Passed => passed(report, paint),
        Verdict::Failed(failure) => failed(report, failure, paint),
        Verdict::NotTested(why) => {
            head(&format!("{} ", paint.dash()), &format!("{}  {}", report.name, why.sentence()), None, paint)
        }
    }
}

pub fn user(report: &Report) -> &str {
    report.identity.as_ref().map_or("", |identity| identity.user_name.as_str())
}

/// What is new since the last test of a connection, a sentence each.
pub fn changes(report: &Report) -> Vec<String> {
    report.changes.iter().map(|change| change.sentence(|then| ago(report.tested_at, then))).collect()
}

fn passed(report: &Report, paint: Paint) -> String {
    let facts = [user(report), auth_label(report.auth), &took(report.duration)].join(&format!(" {} ", paint.dot()));
    let mark = format!("{} {}  ", paint.tick(), paint.bold(&report.name));
    let mut lines = vec![head(&mark, &facts, None, paint), String::new()];
    lines.extend(waterfall(report, paint));
    lines.extend(news(report, paint));
    lines.extend(warnings(report, paint));
    lines.join("\n")
}

/// What is new since the last test, below a report.
fn news(report: &Report, paint: Paint) -> Vec<String> {
    let changes = changes(report);
    let gap = (!changes.is_empty()).then(String::new);
    gap.into_iter().chain(changes.iter().map(|change| labelled("new", change, paint, INDENT))).collect()
}

/// The steps that took time, each beginning where the one before it ended.
fn waterfall(report: &Report, paint: Paint) -> Vec<String> {
    let steps: Vec<(&Check, Duration)> = report
        .checks
        .iter()
        .filter_map(|check| {
            check.took.or((check.id == CheckId::AuthToken).then_some(Duration::ZERO)).map(|took| (check, took))
        })
        .collect();
    let label = |check: &Check| match (&check.target, check.id) {
        (Some(target), _) => target.clone(),
        (None, CheckId::StoreSecret) => report.store.to_owned(),
        (None, id) => id.label().to_owned(),
    };
    let remarks = |check: &Check| match check.status {
        Status::Warn => "see below".to_owned(),
        Status::Pass | Status::Fail | Status::Skip => remark(report, check),
    };
    let widest = |width: &dyn Fn(&Check) -> usize| steps.iter().map(|(check, _)| width(check)).max().unwrap_or(0);
    // Two at the left, the time and a remark at the right.
    let room = paint.columns.min(100).saturating_sub(2 + 2 + TIME + 2 + widest(&|check| remarks(check).width()));
    let labels = widest(&|check| label(check).width()).clamp(8, 24).min(room.max(8));
    let total: Duration = steps.iter().map(|(_, took)| *took).sum();
    let bars = if paint.is_terminal { room.saturating_sub(labels) } else { 0 };
    let bars = if bars < 8 { 0 } else { bars };
    let mut before = Duration::ZERO;
    let mut lines = Vec::new();
    for (check, took) in steps {
        let bar = bar(before, took, total, bars, paint);
        before += took;
        let remark = match (check.status, remarks(check)) {
            (Status::Warn, remark) => paint.doubtful(&remark),
            (_, remark) if remark.is_empty() => remark,
            (_, remark) => paint.dim(&remark),
        };
        let label = pad(&cut(&label(check), labels, paint), labels);
        let line = format!("  {label}  {bar}{:>TIME$}  {remark}", super::time::took(took));
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// What a step that passed showed, where it showed something.
pub fn remark(report: &Report, check: &Check) -> String {
    match (check.status, check.id) {
        (Status::Pass, CheckId::NetworkTls) => {
            report.certificate_ends.map(|ends| format!("until {}", ends.format("%Y-%m-%d"))).unwrap_or_default()
        }
        (Status::Pass, CheckId::AuthToken) => token(report),
        (Status::Pass, CheckId::AccessTable) => "readable".to_owned(),
        (Status::Pass, CheckId::AuthIdentity) => user(report).to_owned(),
        _ => String::new(),
    }
}

/// Whether a test renewed its token, and how long it is good from then on.
pub fn token(report: &Report) -> String {
    let Some(token) = report.token else { return String::new() };
    let word = if token.refreshed { "renewed" } else { "fresh" };
    match token.expires_at {
        Some(at) => format!("{word}, {} left", until(report.tested_at, at)),
        None => word.to_owned(),
    }
}

/// One bar of the waterfall, in a field of `width` columns; at least one mark.
fn bar(before: Duration, took: Duration, total: Duration, width: usize, paint: Paint) -> String {
    if took.is_zero() {
        return " ".repeat(width);
    }
    if width == 0 {
        return String::new();
    }
    let column =
        |at: Duration| (at.as_secs_f64() / total.as_secs_f64().max(f64::EPSILON) * width as f64).round() as usize;
    let from = column(before).min(width - 1);
    let to = column(before + took).clamp(from + 1, width);
    let mark = if paint.unicode { "━" } else { "=" };
    format!("{}{}{}", " ".repeat(from), paint.bar(&mark.repeat(to - from)), " ".repeat(width - to))
}

fn failed(report: &Report, failure: &Failure, paint: Paint) -> String {
    let mark = format!("{} {}  ", paint.cross(), paint.bold(&report.name));
    let verdict = head(&mark, failure.message(), Some(failure.exit_code()), paint);
    let mut lines = vec![verdict, String::new()];
    lines.extend(explanation(failure, paint));
    lines.extend(changes(report).iter().map(|change| labelled("new", change, paint, INDENT)));
    lines.extend(see(failure, paint));
    let others = report.checks.iter().filter(|check| check.status == Status::Fail).skip(1);
    for other in others.filter_map(|check| check.error.as_ref()) {
        lines.push(head(&format!("  {} ", paint.cross()), other.message(), None, paint));
    }
    lines.push(String::new());
    let mut row = String::new();
    let mut row_width = 0;
    // A step that was not needed before the failure says nothing.
    let failed_at = report.checks.iter().position(|check| check.status == Status::Fail);
    let failed_at = failed_at.unwrap_or(report.checks.len());
    for (index, check) in report.checks.iter().enumerate().skip(1) {
        if check.status == Status::Skip && index < failed_at {
            continue;
        }
        let label = match (&check.target, check.id) {
            (Some(target), id) => format!("{} {target}", id.label()),
            (None, CheckId::StoreSecret) => report.store.to_owned(),
            (None, id) => id.label().to_owned(),
        };
        // Two before the mark, one after it.
        let label = cut(&label, paint.columns.saturating_sub(5), paint);
        let width = label.width() + 3 + display_width(&paint.mark(check.status));
        if row_width + width > paint.columns {
            lines.push(std::mem::take(&mut row));
            row_width = 0;
        }
        row.push_str(&format!("  {} {label}", paint.mark(check.status)));
        row_width += width;
    }
    lines.push(row);
    lines.extend(warnings(report, paint));
    lines.join("\n")
}

/// The warnings of a report, each with its reason.
pub fn warnings(report: &Report, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for warning in report.warnings() {
        lines.push(String::new());
        lines.push(head(&format!("{} ", paint.bang()), warning.message(), None, paint));
        lines.extend(explanation(warning, paint));
    }
    lines
}
