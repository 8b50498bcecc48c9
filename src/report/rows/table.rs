//! Rows in columns that fit the terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::shown::visible;
use crate::report::paint::Paint;

/// How many rows decide how wide the columns are.
const SAMPLE: usize = 100;
/// No column is wider than this unless there is room.
const WIDEST: usize = 40;
/// What a column needs to be of use.
const NARROWEST: usize = 20;
/// Between two columns.
const GAP: usize = 2;
/// A cell is cut to this before it is looked at.
const LONGEST: usize = 400;

/// A table whose first rows are waited for.
pub struct Table {
    paint: Paint,
    /// How many rows are waited for.
    waits_for: usize,
    sample: Vec<Vec<String>>,
    /// Once it is known.
    widths: Option<Vec<usize>>,
}

impl Table {
    pub fn new(paint: Paint) -> Self {
        Self { paint, waits_for: SAMPLE, sample: Vec::new(), widths: None }
    }

    /// All of whose rows decide how wide the columns are.
    pub fn whole(paint: Paint) -> Self {
        Self { waits_for: usize::MAX, ..Self::new(paint) }
    }

    pub fn row(&mut self, columns: &[String], cells: Vec<Cow<'_, str>>, buffer: &mut Vec<u8>) {
        let cells: Vec<String> = cells.iter().map(|cell| visible(&short(cell))).collect();
        if let Some(widths) = &self.widths {
            line(buffer, &cells, widths, str::to_owned, self.paint);
            return;
        }
        self.sample.push(cells);
        if self.sample.len() == self.waits_for {
            self.begin(columns, buffer);
        }
    }

    /// Writes what was waited for, and how much of a row is not shown.
    pub fn end(&mut self, columns: &[String], is_choice: bool, buffer: &mut Vec<u8>) {
        if self.widths.is_none() && !self.sample.is_empty() {
            self.begin(columns, buffer);
        }
        let shown = self.widths.as_ref().map_or(0, Vec::len);
        if shown < columns.len() && shown > 0 {
            let left_out = columns.len() - shown;
            let fields = if left_out == 1 { "field" } else { "fields" };
            let how = if is_choice { "--fields a,b, or -o json" } else { "-o json" };
            let text = format!("{left_out} more {fields}: {how}");
            buffer.extend_from_slice(self.paint.spelled(&self.paint.dim(&text)).as_bytes());
            buffer.push(b'\n');
        }
    }

    fn begin(&mut self, columns: &[String], buffer: &mut Vec<u8>) {
        let heads: Vec<String> = columns.iter().map(|name| visible(name).to_uppercase()).collect();
        let natural = (0..columns.len()).map(|column| {
            let widest = self.sample.iter().map(|cells| cells[column].width()).max().unwrap_or(0);
            widest.max(heads[column].width())
        });
        let widths = fitted(&natural.collect::<Vec<_>>(), self.paint.columns);
        let paint = self.paint;
        line(buffer, &heads, &widths, |text| paint.dim(text), paint);
        for cells in std::mem::take(&mut self.sample) {
            line(buffer, &cells, &widths, str::to_owned, paint);
        }
        self.widths = Some(widths);
    }
}

/// The widths of the columns that fit, from the left.
fn fitted(natural: &[usize], room: usize) -> Vec<usize> {
    let capped: Vec<usize> = natural.iter().map(|&width| width.min(WIDEST)).collect();
    let sum = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut shown = capped.len();
    // A column is left out once the widest could not be cut any more.
    while shown > 1 && sum(&capped[..shown].iter().map(|&width| width.min(NARROWEST)).collect::<Vec<_>>()) > room {
        shown -= 1;
    }
    let mut widths = capped[..shown].to_vec();
    while sum(&widths) > room {
        let Some(widest) = widths.iter().copied().enumerate().max_by_key(|(_, width)| *width) else { break };
        if widest.1 <= 1 {
            break;
        }
        widths[widest.0] -= 1;
    }
    // What is left over goes to those that were cut.
    let mut left = room.saturating_sub(sum(&widths));
    for (place, width) in widths.iter_mut().enumerate() {
        let more = natural[place].saturating_sub(*width).min(left);
        *width += more;
        left -= more;
    }
    widths
}

fn line(buffer: &mut Vec<u8>, cells: &[String], widths: &[usize], painted: impl Fn(&str) -> String, paint: Paint) {
    let mut text = String::new();
    for (place, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let cell = cut(cell, width, paint);
        if place > 0 {
            text.push_str("  ");
        }
        text.push_str(&painted(&cell));
        if place + 1 < widths.len() {
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        }
    }
    buffer.extend_from_slice(text.trim_end().as_bytes());
    buffer.push(b'\n');
}

/// The beginning of a cell, with a mark where it goes on.
fn cut(cell: &str, width: usize, paint: Paint) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mark = if paint.unicode { "…" } else { "~" };
    let mut left = width.saturating_sub(1);
    let fits = cell.chars().take_while(|character| {
        let needed = character.width().unwrap_or(0);
        left.checked_sub(needed).map(|rest| left = rest).is_some()
    });
    format!("{}{mark}", fits.collect::<String>())
}

fn short(cell: &str) -> Cow<'_, str> {
    match cell.char_indices().nth(LONGEST) {
        Some((end, _)) => cell[..end].into(),
        None => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_cut_the_widest_first_and_left_out_from_the_right() {
        assert_eq!(fitted(&[10, 10], 80), [10, 10]);
        assert_eq!(fitted(&[10, 70], 80), [10, 68]);
        assert_eq!(fitted(&[60, 60], 80), [39, 39]);
        assert_eq!(fitted(&[10, 100, 12], 80), [10, 54, 12]);
        assert_eq!(fitted(&[20; 10], 80), [20; 3]);
        assert_eq!(fitted(&[500], 80), [80]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            rows in proptest::collection::vec(proptest::collection::vec("[a-zäあ\u{1b} ]{0,60}", 5), 1..5),
            columns in 20_usize..120,
        ) {
            let paint = Paint { columns, is_terminal: true, ..Paint::PLAIN };
            let mut table = Table::new(paint);
            let names: Vec<String> = (0..5).map(|number| format!("column_{number}")).collect();
            let mut buffer = Vec::new();
            for row in &rows {
                table.row(&names, row.iter().map(|cell| cell.as_str().into()).collect(), &mut buffer);
            }
            table.end(&names, true, &mut buffer);
            let text = String::from_utf8(buffer).unwrap();
            prop_assert_eq!(text.lines().filter(|line| !line.contains("more field")).count(), rows.len() + 1);
            for line in text.lines().filter(|line| !line.contains("more field")) {
                prop_assert!(line.width() <= columns, "{} > {}: {}", line.width(), columns, line);
                let acts = line.contains('\u{1b}');
                prop_assert!(!acts);
            }
        }
    }
}
