//! Several connections as text: a line each, what to do about those that fail,
//! and the sum at the end, where the screen is.

use unicode_width::UnicodeWidthStr;

use super::connection::auth_label;
use super::lines::{exit_mark, head, labelled, pad, right, wrap};
use super::test::{changes, report, user};
use super::time::took;
use crate::check::report::{Report, Run, Summary, Verdict};
use crate::report::paint::Paint;

/// So many connections may fit on one screen.
const SCREEN: usize = 20;
/// So many failed ones are named at the end; the others are counted.
const NAMED: usize = 12;

/// Several reports: a line each, what to do, and a summary.
pub fn text(run: &Run, paint: Paint) -> String {
    if let ([one], None) = (run.reports.as_slice(), run.stopped_by) {
        return report(one, paint);
    }
    let names = widest(run, |report| report.name.width(), 40);
    let users = widest(run, |report| user(report).width(), 32);
    let mut lines: Vec<String> =
        run.reports.iter().flat_map(|report| one_of_many(report, names, users, paint)).collect();
    let Summary { passed, failed, skipped, .. } = run.summary();
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} not tested") };
    let summary = format!("  {passed} passed, {failed} failed{skipped} in {}", took(run.duration));
    lines.push(String::new());
    lines.extend(failed_again(run, paint));
    lines.push(match run.exit_code() {
        0 => summary,
        code => right(&summary, &exit_mark(code), paint),
    });
    lines.join("\n")
}

/// Who failed, once more at the end, where the first lines have left the screen.
fn failed_again(run: &Run, paint: Paint) -> Option<String> {
    let failed: Vec<String> = run
        .reports
        .iter()
        .filter_map(|report| match report.verdict() {
            Verdict::Failed(failure) => Some(format!("{} ({})", report.name, failure.code().as_str())),
            Verdict::Passed | Verdict::NotTested(_) => None,
        })
        .collect();
    if run.reports.len() <= SCREEN || failed.is_empty() {
        return None;
    }
    let named = failed.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = failed.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("{}\n", wrap(&format!("failed: {named}{more}"), "  ", "          ", paint)))
}

fn widest(run: &Run, width: impl Fn(&Report) -> usize, at_most: usize) -> usize {
    run.reports.iter().map(width).max().unwrap_or(0).min(at_most)
}

/// One connection among several. The mark comes first: no line begins with a
/// text from elsewhere.
fn one_of_many(report: &Report, names: usize, users: usize, paint: Paint) -> Vec<String> {
    let margin = names.min(24) + 6;
    let name = pad(&report.name, names);
    let line = |mark: String, text: &str| head(&format!("  {mark} {name}  "), text, None, paint);
    let mut lines = Vec::new();
    match report.verdict() {
        Verdict::Passed => {
            let facts = [&pad(user(report), users), &pad(auth_label(report.auth), 6), &took(report.duration)];
            lines.push(line(paint.tick(), &facts.map(String::as_str).join("  ")));
        }
        Verdict::NotTested(why) => lines.push(line(paint.dash(), why.sentence())),
        Verdict::Failed(failure) => {
            lines.push(line(paint.cross(), failure.message()));
            if let Some(step) = failure.steps().first() {
                lines.push(paint.dim(&labelled("", &step.to_string(), paint, margin)));
            }
        }
    }
    let margin = " ".repeat(margin);
    for warning in report.warnings() {
        lines.push(head(&format!("{margin}{} ", paint.bang()), warning.message(), None, paint));
    }
    lines.extend(changes(report).iter().map(|change| {
        let text = wrap(change, &format!("{margin}new: "), &format!("{margin}     "), paint);
        paint.doubtful(&text)
    }));
    lines
}
