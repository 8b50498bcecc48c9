//! The steps of a test, each with a bar that begins where the one before it
//! ended. The bars are SVG: the policy of the page allows no style attribute.

use std::time::Duration;

use super::writer::Html;
use crate::check::report::{Check, CheckId, Report, Status};
use crate::output::text;

/// A bar is at least this wide, in percent of the whole, so that it is seen.
const SHORTEST: f64 = 0.8;

pub fn write(html: &mut Html, report: &Report) {
    let total: Duration = report.checks.iter().filter_map(|check| check.took).sum();
    let mut before = Duration::ZERO;
    html.markup("<table><caption>Steps</caption><thead><tr><th scope=\"col\">step</th><th scope=\"col\">when</th>");
    html.markup("<th scope=\"col\">time</th><th scope=\"col\">remark</th></tr></thead><tbody>");
    let failed_at = report.checks.iter().position(|check| check.status == Status::Fail);
    let told = |(index, check): &(usize, &Check)| says_something(check, *index, failed_at);
    for (_, check) in report.checks.iter().enumerate().filter(told) {
        html.markup(match check.status {
            Status::Pass => "<tr>",
            Status::Warn => "<tr class=\"warned\">",
            Status::Fail => "<tr class=\"failed\">",
            Status::Skip => "<tr class=\"skipped\">",
        });
        label(html, report, check);
        html.markup("<td>");
        let took = check.took.unwrap_or_default();
        if !took.is_zero() {
            let (from, width) = place(before, took, total);
            html.markup("<svg aria-hidden=\"true\"><rect x=\"").text(format_args!("{from:.1}%"));
            html.markup("\" width=\"").text(format_args!("{width:.1}%")).markup("\"/></svg>");
            before += took;
        }
        html.markup("</td><td>").text(check.took.map(text::took).unwrap_or_default()).markup("</td><td>");
        remark(html, report, check);
        html.markup("</td></tr>");
    }
    html.markup("</tbody></table>");
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
    html.markup("<th scope=\"row\">");
    match (&check.target, check.id) {
        (Some(target), id) => html.markup(id.label()).markup(" ").text(target),
        (None, CheckId::StoreSecret) => html.text(report.store),
        (None, id) => html.markup(id.label()),
    };
    html.markup("</th>");
}

fn remark(html: &mut Html, report: &Report, check: &Check) {
    match check.status {
        Status::Pass => html.text(text::remark(report, check)),
        Status::Warn => html.markup("! warning"),
        Status::Fail => html.markup("\u{2717} failed"),
        Status::Skip => html.markup("\u{2013} skipped"),
    };
    if let (Status::Warn | Status::Fail, Some(error)) = (check.status, &check.error) {
        html.markup(": ").code(error.code().as_str());
    }
}

/// Where a bar begins and how wide it is, in percent, within the whole.
fn place(before: Duration, took: Duration, total: Duration) -> (f64, f64) {
    let percent = |part: Duration| part.as_secs_f64() / total.as_secs_f64().max(f64::EPSILON) * 100.0;
    let width = percent(took).clamp(SHORTEST, 100.0);
    (percent(before).min(100.0 - width), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_seen_and_stays_within_the_whole() {
        let milliseconds = Duration::from_millis;
        assert_eq!(place(Duration::ZERO, milliseconds(250), milliseconds(1000)), (0.0, 25.0));
        assert_eq!(place(milliseconds(250), milliseconds(750), milliseconds(1000)), (25.0, 75.0));
        assert_eq!(place(milliseconds(999), milliseconds(1), milliseconds(1000)), (100.0 - SHORTEST, SHORTEST));
        assert_eq!(place(Duration::ZERO, milliseconds(5), milliseconds(5)), (0.0, 100.0));
    }
}
