//! Several connections as text: a line each, what to do about those that fail,
//! and the sum at the end, where the screen is.

use unicode_width::UnicodeWidthStr;

use super::connection::auth_label;
use super::lines::{exit_mark, pad, right, whole_commands, wrap};
use super::test::{changes, report, user};
use super::time::took;
use crate::check::report::{Report, Run, Summary, Verdict};
use crate::report::paint::Paint;

/// So many connections may fit on one screen.
const SCREEN: usize = 20;
/// So many failed ones are named at the end; the others are counted.
const NAMED: usize = 12;
/// The mark, and the spaces before and after it.
const BEFORE_NAME: usize = 4;
/// What is left of a line for the text beside a name, at least.
const ROOM: usize = 32;
/// The longest time, as in `99.9 s`.
const TIME: usize = 7;

/// How wide the columns of all lines are.
struct Columns {
    names: usize,
    users: usize,
    methods: usize,
}

/// Several reports: a line each, what to do, and a summary. If `quiet`, those that
/// passed are only counted.
pub fn text(run: &Run, quiet: bool, paint: Paint) -> String {
    if let ([one], None) = (run.reports.as_slice(), run.stopped_by) {
        return report(one, paint);
    }
    let shown = run.reports.iter().filter(|report| !quiet || !matches!(report.verdict(), Verdict::Passed));
    let columns = Columns::of(run, paint);
    let mut lines: Vec<String> = shown.flat_map(|report| one_of_many(report, &columns, paint)).collect();
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

impl Columns {
    /// As wide as their contents. Where that is too much, the way to sign in goes, then
    /// the user, and long names get a line for themselves.
    fn of(run: &Run, paint: Paint) -> Self {
        let widest = |width: &dyn Fn(&Report) -> usize| run.reports.iter().map(width).max().unwrap_or(0);
        let names = widest(&|report| report.name.width());
        let names = names.min(paint.columns.min(100).saturating_sub(BEFORE_NAME + 2 + ROOM));
        let room = paint.columns.saturating_sub(BEFORE_NAME + names + 2 + TIME);
        let (users, methods) =
            (widest(&|report| user(report).width()), widest(&|report| auth_label(report.auth).len()));
        match () {
            () if users + 2 + methods + 2 <= room => Self { names, users, methods },
            () if users + 2 <= room => Self { names, users, methods: 0 },
            () => Self { names, users: 0, methods: 0 },
        }
    }
}

/// One connection among several. The mark comes first: no line begins with a
/// text from elsewhere.
fn one_of_many(report: &Report, columns: &Columns, paint: Paint) -> Vec<String> {
    let margin = " ".repeat(BEFORE_NAME + columns.names + 2);
    let line = |mark: String, text: &str| {
        let name = format!("  {mark} {}", paint.bold(&report.name));
        if report.name.width() <= columns.names {
            return wrap(text, &pad(&name, margin.len()), &margin, paint);
        }
        format!("{name}\n{}", wrap(text, &margin, &margin, paint))
    };
    let mut lines = Vec::new();
    match report.verdict() {
        Verdict::Passed => {
            let facts = [(user(report), columns.users), (auth_label(report.auth), columns.methods)];
            let facts = facts.into_iter().filter(|(_, width)| *width > 0).map(|(fact, width)| pad(fact, width) + "  ");
            let facts: String = facts.chain([took(report.duration)]).collect();
            lines.push(line(paint.tick(), &facts));
        }
        Verdict::NotTested(why) => lines.push(line(paint.dash(), why.sentence())),
        Verdict::Failed(failure) => {
            lines.push(line(paint.cross(), failure.message()));
            if let Some(step) = failure.steps().first() {
                lines.push(wrap(&whole_commands(step, paint), &margin, &margin, paint));
            }
        }
    }
    for warning in report.warnings() {
        lines.push(wrap(warning.message(), &format!("{margin}{} ", paint.bang()), &format!("{margin}  "), paint));
    }
    lines.extend(changes(report).iter().map(|change| {
        let text = wrap(change, &format!("{margin}new: "), &format!("{margin}     "), paint);
        paint.doubtful(&text)
    }));
    lines
}
