//! The saved connections: a table for a terminal, lines with tabs for a script.

use chrono::{DateTime, SecondsFormat, Utc};
use unicode_width::UnicodeWidthStr;

use super::connection::{LastTested, auth_label};
use super::lines::{cut, pad, wrap};
use super::time::ago;
use crate::history::last_test::LastTest;
use crate::model::profile::Profile;
use crate::report::paint::Paint;

/// One connection of the list.
pub struct Row<'a> {
    pub profile: &'a Profile,
    pub is_default: bool,
    pub last_test: Option<&'a LastTest>,
    /// Whether it was changed since its last test, which does not count then.
    pub is_changed: bool,
    /// Whether a command without a name is about it.
    pub is_selected: bool,
}

const HEAD: [&str; 5] = ["NAME", "INSTANCE", "AS", "SIGN-IN", "LAST TEST"];
/// The head of the last column if it has only marks.
const MARKS: &str = "TEST";
const NAME: usize = 0;
const INSTANCE: usize = 1;
const AS: usize = 2;
const SIGN_IN: usize = 3;
const LAST_TEST: usize = 4;
/// A column is cut to this width before it is left out.
const NARROWEST: usize = 12;
/// Ids of clients are longer, and their beginning tells them apart.
const LONG_USER: usize = 20;

/// How much is said of the last tests, the most first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Changes,
    Age,
    Code,
    Mark,
}

/// The table, as wide as its contents or as the terminal. `chosen` says what chose the
/// selected connection.
pub fn table(rows: &[Row<'_>], chosen: Option<&str>, now: DateTime<Utc>, paint: Paint) -> String {
    let (cells, widths, columns) = fitting(rows, now, paint);
    let line = |marker: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = columns.iter().map(|&column| pad(&cell(column), widths[column])).collect();
        format!("{marker} {}", cells.join("  ")).trim_end().to_owned()
    };
    let head = |column: usize| if widths[column] < HEAD[column].len() { MARKS } else { HEAD[column] };
    let tick = paint.without_colour().tick();
    let mut lines = vec![line(" ", &|column| paint.dim(head(column)))];
    for (row, cells) in rows.iter().zip(&cells) {
        let marker = if row.is_selected { paint.marker() } else { " " };
        lines.push(line(marker, &|column| {
            let text = cut(&cells[column], widths[column], paint);
            match (column, row.last_test) {
                (NAME, _) => paint.bold(&text),
                (LAST_TEST, _) if !row.profile.is_enabled() => paint.dim(&text),
                (LAST_TEST, None) => paint.dim(&text),
                (LAST_TEST, Some(test)) if test.ok => text.replacen(&tick, &paint.tick(), 1),
                (LAST_TEST, Some(_)) => paint.bad(&text),
                _ => text,
            }
        }));
    }
    if let Some(chosen) = chosen.filter(|_| rows.iter().any(|row| row.is_selected)) {
        let legend = wrap(&format!("{} {chosen}", paint.marker()), "", "  ", paint);
        lines.push(format!("\n{}", paint.dim(&legend)));
    }
    lines.join("\n")
}

/// Lines to be cut at their tabs: name, instance, user, way to sign in, last test, its time.
pub fn plain(rows: &[Row<'_>], paint: Paint) -> String {
    let line = |row: &Row<'_>| {
        let at = |test: &LastTest| test.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (tested, at) = match row.last_test {
            _ if !row.profile.is_enabled() => ("disabled".to_owned(), String::new()),
            None => ("never".to_owned(), String::new()),
            Some(test) if test.ok => ("passed".to_owned(), at(test)),
            Some(test) => (paint.bad(test.code.as_deref().unwrap_or("failed")), at(test)),
        };
        let profile = row.profile;
        let (name, auth) = (paint.bold(profile.name.as_str()), profile.auth.as_str());
        let cells = [&name, profile.instance.origin(), profile.identity(), auth, &tested, &at];
        cells.join("\t")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

type Cells = [String; 5];

/// The cells, the widths and the columns that fit. First less is said of the tests and
/// long users are cut, then the way to sign in goes; instances and users are cut before they
/// go.
fn fitting(rows: &[Row<'_>], now: DateTime<Utc>, paint: Paint) -> (Vec<Cells>, [usize; 5], Vec<usize>) {
    let all: Vec<usize> = (0..HEAD.len()).collect();
    let fewer: Vec<usize> = all.iter().copied().filter(|&column| column != SIGN_IN).collect();
    let attempts = [
        (Detail::Changes, usize::MAX, &all),
        (Detail::Age, usize::MAX, &all),
        (Detail::Code, usize::MAX, &all),
        (Detail::Code, LONG_USER, &all),
        (Detail::Code, LONG_USER, &fewer),
        (Detail::Mark, LONG_USER, &fewer),
    ];
    let room = paint.columns.saturating_sub(2);
    let total = |widths: &[usize; 5], columns: &[usize]| {
        columns.iter().map(|&column| widths[column] + 2).sum::<usize>().saturating_sub(2)
    };
    for (detail, user, columns) in attempts {
        let cells: Vec<Cells> = rows.iter().map(|row| cells(row, detail, now, paint)).collect();
        let mut widths = widths(&cells, detail);
        widths[AS] = widths[AS].min(user);
        if total(&widths, columns) <= room {
            return (cells, widths, columns.clone());
        }
    }
    let cells: Vec<Cells> = rows.iter().map(|row| cells(row, Detail::Mark, now, paint)).collect();
    let (mut widths, mut columns) = (widths(&cells, Detail::Mark), fewer);
    while total(&widths, &columns) > room {
        let wider = if widths[AS] >= widths[INSTANCE] { AS } else { INSTANCE };
        if widths[wider] <= NARROWEST {
            break;
        }
        widths[wider] -= 1;
    }
    for column in [AS, INSTANCE] {
        if total(&widths, &columns) > room {
            columns.retain(|&kept| kept != column);
        }
    }
    widths[NAME] = widths[NAME].saturating_sub(total(&widths, &columns).saturating_sub(room));
    (cells, widths, columns)
}

fn widths(cells: &[Cells], detail: Detail) -> [usize; 5] {
    std::array::from_fn(|column| {
        // Marks alone are no reason for a wide column.
        let head = if (column, detail) == (LAST_TEST, Detail::Mark) { MARKS } else { HEAD[column] };
        cells.iter().map(|row| row[column].width()).chain([head.len()]).max().unwrap_or(0)
    })
}

fn cells(row: &Row<'_>, detail: Detail, now: DateTime<Utc>, paint: Paint) -> Cells {
    [
        row.profile.name.to_string(),
        row.profile.instance.host_and_port().into(),
        row.profile.identity().to_owned(),
        auth_label(row.profile.auth.as_str()).to_owned(),
        match (row.profile.is_enabled(), detail) {
            (true, _) => last_test(LastTested::of(row.last_test, row.is_changed), detail, now, paint.without_colour()),
            (false, Detail::Mark) => "off".to_owned(),
            (false, _) => "disabled".to_owned(),
        },
    ]
}

fn last_test(tested: LastTested<'_>, detail: Detail, now: DateTime<Utc>, paint: Paint) -> String {
    let test = match tested {
        LastTested::Never | LastTested::BeforeChange if detail == Detail::Mark => return paint.dash(),
        LastTested::Never => return "never".to_owned(),
        LastTested::BeforeChange => return "changed since".to_owned(),
        LastTested::At(test) => test,
    };
    let mut words = match (test.ok, detail) {
        (true, Detail::Mark) => paint.tick(),
        (false, Detail::Mark) => paint.cross(),
        (true, _) => format!("{} {}", paint.tick(), ago(now, test.at)),
        (false, _) => format!("{} {}", paint.cross(), test.code.as_deref().unwrap_or("failed")),
    };
    if !test.ok && matches!(detail, Detail::Changes | Detail::Age) {
        words.push_str(&format!(", {}", ago(now, test.at)));
    }
    if detail == Detail::Changes {
        for change in &test.changes {
            words.push_str(&format!(", {}", change.label()));
        }
    }
    words
}
