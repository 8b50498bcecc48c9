//! What expires when, as a table.

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::lines::{self, INDENT, head, pad, paragraph, wrap};
use super::time::{ago, until};
use crate::base::error::Failure;
use crate::history::expiry::{Deadline, ExpiringItem};
use crate::report::paint::Paint;

/// More connections of which nothing is known are counted.
const NAMED: usize = 8;
const HEAD: [&str; 3] = ["EXPIRES", "WHAT", "CONNECTION"];

/// The verdict if one was asked for, then a line for each thing that expires, and of
/// which connections nothing is known.
pub fn text(
    ends: &[ExpiringItem<'_>],
    unknown: &[&str],
    asked: Option<(&Deadline, Option<&Failure>)>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let mut text = Vec::new();
    match asked {
        None => {}
        Some((_, Some(failure))) => {
            let mark = format!("{} ", paint.cross());
            text.push(head(&mark, failure.message(), Some(failure.exit_code()), paint));
            let steps = failure.steps().iter().enumerate();
            text.extend(steps.map(|(index, step)| lines::step(index, step, paint, INDENT)));
            text.push(String::new());
        }
        Some((deadline, None)) => {
            let verdict = format!("nothing expires within {} that you must renew", deadline.span);
            text.push(head(&format!("{} ", paint.tick()), &verdict, None, paint));
            text.push(String::new());
        }
    }
    let mut rows: Vec<[String; 3]> = ends.iter().map(|end| cells(end, now, true)).collect();
    let mut widths = widths(&rows);
    if widths.iter().map(|width| width + 2).sum::<usize>() > paint.columns {
        rows = ends.iter().map(|end| cells(end, now, false)).collect();
        widths = self::widths(&rows);
    }
    if !rows.is_empty() {
        let heading = format!("  {}  {}  {}", pad(HEAD[0], widths[0]), pad(HEAD[1], widths[1]), HEAD[2]);
        text.push(paint.dim(&heading));
    }
    for (end, [when, what, name]) in ends.iter().zip(&rows) {
        let when = pad(when, widths[0]);
        let when = match () {
            () if end.is_renewed => paint.dim(&when),
            () if end.is_refused || end.at <= now => paint.bad(&when),
            () if asked.is_some_and(|(deadline, _)| end.needs_somebody_by(deadline.until)) => paint.doubtful(&when),
            () => when,
        };
        let before = format!("  {when}  {}  ", pad(what, widths[1]));
        text.push(wrap(&paint.bold(name), &before, "    ", paint));
    }
    if rows.is_empty() && unknown.is_empty() {
        text.push("  There is no connection yet.".to_owned());
    }
    if !unknown.is_empty() {
        let named = unknown.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = unknown.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        text.extend((!rows.is_empty()).then(String::new));
        let unknown = format!("No expiry known for {named}{more}.");
        text.push(paint.dim(&paragraph(&unknown, paint)));
    }
    text.join("\n")
}

fn widths(rows: &[[String; 3]]) -> [usize; 3] {
    std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].width()).chain([HEAD[column].len()]).max().unwrap_or(0)
    })
}

fn cells(end: &ExpiringItem<'_>, now: DateTime<Utc>, has_remarks: bool) -> [String; 3] {
    let about = if end.is_estimate { "about " } else { "" };
    let when = match () {
        () if end.is_refused => "refused".to_owned(),
        () if end.is_renewed && end.at <= now => "at the next use".to_owned(),
        () if end.at <= now => format!("{about}{}", ago(now, end.at)),
        () => format!("in {about}{}", until(now, end.at)),
    };
    let remark = match () {
        () if !has_remarks => String::new(),
        () if end.is_renewed => ", renewed by itself".to_owned(),
        () => format!(", {}", end.at.format("%Y-%m-%d")),
    };
    [when, format!("{}{remark}", end.ending.label()), end.profile.name.to_string()]
}
