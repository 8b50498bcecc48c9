//! What ends when, as a table.

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::lines::{INDENT, head, labelled, pad, paragraph};
use super::time::{ago, until};
use crate::base::error::Failure;
use crate::history::expiry::{Deadline, ExpiringItem};
use crate::report::paint::Paint;

/// More connections of which nothing is known are counted.
const NAMED: usize = 8;

/// The verdict where one was asked for, then a line for each end, and whose
/// ends nobody knows.
pub fn text(
    ends: &[ExpiringItem<'_>],
    unknown: &[&str],
    asked: Option<(&Deadline, Option<&Failure>)>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let mut lines = Vec::new();
    match asked {
        None => {}
        Some((_, Some(failure))) => {
            let mark = format!("{} ", paint.cross());
            lines.push(head(&mark, failure.message(), Some(failure.exit_code()), paint));
            let steps = failure.steps().iter().enumerate();
            lines.extend(
                steps.map(|(index, step)| {
                    labelled(if index == 0 { "do" } else { "or" }, &step.to_string(), paint, INDENT)
                }),
            );
            lines.push(String::new());
        }
        Some((deadline, None)) => {
            let text = format!("nothing expires within {} that you must renew", deadline.span);
            lines.push(head(&format!("{} ", paint.tick()), &text, None, paint));
            lines.push(String::new());
        }
    }
    let rows: Vec<[String; 3]> = ends.iter().map(|end| cells(end, now)).collect();
    let width = |column: usize, heading: &str| {
        rows.iter().map(|row| row[column].width()).chain([heading.len()]).max().unwrap_or(0)
    };
    let widths = [width(0, "ENDS"), width(1, "WHAT")];
    if !rows.is_empty() {
        let heading = format!("  {}  {}  CONNECTION", pad("ENDS", widths[0]), pad("WHAT", widths[1]));
        lines.push(paint.dim(&heading));
    }
    for (end, [when, what, name]) in ends.iter().zip(&rows) {
        let when = pad(when, widths[0]);
        let when = match () {
            () if end.is_renewed => paint.dim(&when),
            () if end.is_refused || end.at <= now => paint.bad(&when),
            () if asked.is_some_and(|(deadline, _)| end.needs_somebody_by(deadline.until)) => paint.doubtful(&when),
            () => when,
        };
        lines.push(format!("  {when}  {}  {}", pad(what, widths[1]), paint.bold(name)));
    }
    if rows.is_empty() && unknown.is_empty() {
        lines.push("  There is no connection that could end.".to_owned());
    }
    if !unknown.is_empty() {
        let named = unknown.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = unknown.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        lines.extend((!rows.is_empty()).then(String::new));
        let text = format!("No expiry known for {named}{more}.");
        lines.push(paint.dim(&paragraph(&text, paint)));
    }
    lines.join("\n")
}

fn cells(end: &ExpiringItem<'_>, now: DateTime<Utc>) -> [String; 3] {
    let about = if end.is_estimate { "about " } else { "" };
    let when = match () {
        () if end.is_refused => "refused".to_owned(),
        () if end.is_renewed && end.at <= now => "at the next use".to_owned(),
        () if end.at <= now => format!("{about}{}", ago(now, end.at)),
        () => format!("in {about}{}", until(now, end.at)),
    };
    let remark = match () {
        () if end.is_renewed => ", renewed by itself".to_owned(),
        () => format!(", {}", end.at.format("%Y-%m-%d")),
    };
    [when, format!("{}{remark}", end.ending.label()), end.profile.name.to_string()]
}
