//! The saved connections as a table.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::connection::auth_label;
use super::time::ago;
use crate::history::last_test::LastTest;
use crate::model::profile::Profile;
use crate::report::paint::Paint;

/// One connection of the list.
pub struct Row<'a> {
    pub profile: &'a Profile,
    pub is_default: bool,
    pub last_test: Option<&'a LastTest>,
}

const HEAD: [&str; 5] = ["NAME", "INSTANCE", "AS", "SIGN-IN", "LAST TEST"];
/// What is left out first where the terminal is narrow.
const DISPENSABLE: [usize; 3] = [3, 2, 1];
const LAST_TEST: usize = 4;

/// The table, as wide as its contents, or as what the terminal takes.
pub fn table(rows: &[Row<'_>], now: DateTime<Utc>, paint: Paint) -> String {
    let cells: Vec<[Cow<'_, str>; 5]> = rows.iter().map(|row| cells(row, now, paint)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| cells.iter().map(|row| row[column].width()).chain([HEAD[column].len()]).max().unwrap_or(0))
        .collect();
    let columns = shown(&widths, paint);
    let mut text = String::with_capacity((rows.len() + 1) * 100);
    line(&mut text, " ", &columns, &widths, |column| (HEAD[column].into(), |text| paint.dim(text)));
    for (row, cells) in rows.iter().zip(&cells) {
        let marker = if row.is_default { paint.marker() } else { " " };
        line(&mut text, marker, &columns, &widths, |column| {
            let painted = move |text: &str| match (column, row.last_test) {
                (0, _) => paint.bold(text),
                (LAST_TEST, None) => paint.dim(text),
                (LAST_TEST, Some(test)) if test.ok => paint.good(text),
                (LAST_TEST, Some(_)) => paint.bad(text),
                _ => text.to_owned(),
            };
            (cells[column].as_ref().into(), painted)
        });
    }
    text.pop();
    text
}

fn cells<'a>(row: &Row<'a>, now: DateTime<Utc>, paint: Paint) -> [Cow<'a, str>; 5] {
    [
        row.profile.name.as_str().into(),
        String::from(row.profile.instance.host_and_port()).into(),
        row.profile.identity().into(),
        auth_label(row.profile.auth.as_str()).into(),
        match row.last_test {
            None => "never".into(),
            Some(test) => {
                let paint = paint.without_colour();
                let mut words = if test.ok {
                    format!("{} {}", paint.tick(), ago(now, test.at))
                } else {
                    format!("{} {}, {}", paint.cross(), test.code.as_deref().unwrap_or("failed"), ago(now, test.at))
                };
                for change in &test.changes {
                    words.push_str(", ");
                    words.push_str(change.label());
                }
                words.into()
            }
        },
    ]
}

/// The columns that fit.
fn shown(widths: &[usize], paint: Paint) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..HEAD.len()).collect();
    for left_out in DISPENSABLE {
        let width: usize = columns.iter().map(|&column| widths[column] + 2).sum();
        if !paint.is_terminal || width <= paint.columns {
            break;
        }
        columns.retain(|&column| column != left_out);
    }
    columns
}

/// Writes one line; the last column is not padded.
fn line<'a, P: Fn(&str) -> String>(
    text: &mut String,
    marker: &str,
    columns: &[usize],
    widths: &[usize],
    cell: impl Fn(usize) -> (Cow<'a, str>, P),
) {
    text.push_str(marker);
    for (place, &column) in columns.iter().enumerate() {
        let (content, paint) = cell(column);
        text.push_str(if place == 0 { " " } else { "  " });
        text.push_str(&paint(&content));
        if place + 1 < columns.len() {
            text.extend(std::iter::repeat_n(' ', widths[column].saturating_sub(content.width())));
        }
    }
    text.push('\n');
}
