//! The steps of a test, each with a bar that begins where the one before it
//! ended.
//!
//! The policy of the page allows no style attribute, and an element for each
//! bar would slow down the page of a large fleet: a bar is drawn before its
//! step, and two classes say where.

use std::time::Duration;

use super::writer::Html;
use crate::check::report::{Check, CheckId, Report, Status};
use crate::report::text;

/// The classes that place a bar: where it begins and how wide it is, in percent
/// of the whole.
pub fn places() -> String {
    (0..=100).map(|percent| format!(".x{percent}{{--x:{percent}}}.w{percent}{{--w:{percent}}}\n")).collect()
}

pub fn write(html: &mut Html, report: &Report) {
    let total: Duration = report.checks.iter().filter_map(|check| check.took).sum();
    let failed_at = report.checks.iter().position(|check| check.status == Status::Fail);
    let mut before = Duration::ZERO;
    html.markup("<ol class=\"steps\" aria-label=\"Steps\">");
    for (index, check) in report.checks.iter().enumerate() {
        if !says_something(check, index, failed_at) {
            continue;
        }
        html.markup(match check.status {
            Status::Pass => "<li class=\"",
            Status::Warn => "<li class=\"warned ",
            Status::Fail => "<li class=\"failed ",
            Status::Skip => "<li class=\"skipped ",
        });
        let took = check.took.unwrap_or_default();
        if !took.is_zero() {
            let (from, width) = place(before, took, total);
            html.markup("x").text(from).markup(" w").text(width);
            before += took;
        }
        html.markup("\">");
        label(html, report, check);
        html.markup(" <b>").text(check.took.map(text::took).unwrap_or_default()).markup("</b> ");
        remark(html, report, check);
        html.markup("</li>");
    }
    html.markup("</ol>");
}

/// A step that took no time says something where the connection failed: how
/// far it came. One that was not needed before the failure says nothing.
fn says_something(check: &Check, index: usize, failed_at: Option<usize>) -> bool {
    match check.status {
        Status::Warn | Status::Fail => true,
        Status::Pass => check.took.is_some() || check.id == CheckId::AuthToken || failed_at.is_some(),
        Status::Skip => failed_at.is_none_or(|failed_at| index > failed_at),
    }
}

fn label(html: &mut Html, report: &Report, check: &Check) {
    match (&check.target, check.id) {
        (Some(target), id) => html.markup(id.label()).markup(" ").text(target),
        (None, CheckId::StoreSecret) => html.text(report.store),
        (None, id) => html.markup(id.label()),
    };
}

fn remark(html: &mut Html, report: &Report, check: &Check) {
    match check.status {
        Status::Pass => match (text::remark(report, check), check.took) {
            (remark, None) if remark.is_empty() => html.markup("\u{2713}"),
            (remark, _) => html.text(remark),
        },
        Status::Warn => html.markup("! warning"),
        Status::Fail => html.markup("\u{2717} failed"),
        Status::Skip => html.markup("\u{2013} skipped"),
    };
    if let (Status::Warn | Status::Fail, Some(error)) = (check.status, &check.error) {
        html.markup(": ").text(error.code().as_str());
    }
}

/// Where a bar begins and how wide it is, in percent, within the whole. It is
/// wide enough to be seen.
fn place(before: Duration, took: Duration, total: Duration) -> (u8, u8) {
    let percent = |part: Duration| (part.as_secs_f64() / total.as_secs_f64().max(f64::EPSILON) * 100.0).round() as u8;
    let from = percent(before).min(99);
    let to = percent(before + took).clamp(from + 1, 100);
    (from, to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_seen_stays_within_the_whole_and_begins_where_the_last_one_ended() {
        let milliseconds = Duration::from_millis;
        for (before, took, expected) in
            [(0, 250, (0, 25)), (250, 750, (25, 75)), (333, 333, (33, 34)), (999, 1, (99, 1)), (0, 1, (0, 1))]
        {
            assert_eq!(place(milliseconds(before), milliseconds(took), milliseconds(1000)), expected);
        }
        assert_eq!(place(Duration::ZERO, milliseconds(5), milliseconds(5)), (0, 100));
    }

    #[test]
    fn every_place_has_its_class() {
        let places = places();
        for class in [".x0{", ".x99{", ".w1{", ".w100{"] {
            assert!(places.contains(class), "{class}");
        }
    }
}
