//! Markdown as text on a terminal, for the texts that snow brings along.
//!
//! Knows what those texts use and nothing else: headings, paragraphs, lists of
//! one level, tables, fenced blocks, `code`, **bold** and links. It is no reader of
//! foreign Markdown.

use std::borrow::Cow;

use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::report::paint::Paint;
use crate::report::text::continued;

/// Prose is not set wider than this, whatever the terminal.
const WIDEST: usize = 80;
/// Stands for a space inside of code, where a line must not end.
const NO_BREAK: char = '\u{a0}';

/// The text, wrapped to the terminal. A block of code stays as it is, indented,
/// to be copied.
pub fn text(markdown: &str, paint: Paint) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut table = Table::default();
    let mut block: Option<&str> = None;
    for line in markdown.lines() {
        if block.is_none()
            && let Some(row) = line.strip_prefix('|')
        {
            paragraph.end(&mut lines, paint);
            table.add(row, paint);
            continue;
        }
        table.end(&mut lines, paint);
        if let Some(language) = line.strip_prefix("```") {
            paragraph.end(&mut lines, paint);
            block = if block.is_some() { None } else { Some(language) };
        } else if let Some(language) = block {
            lines.extend(code(line, language, paint));
        } else if line.is_empty() {
            paragraph.end(&mut lines, paint);
            lines.push(String::new());
        } else if let Some(heading) = heading(line) {
            paragraph.end(&mut lines, paint);
            lines.push(paint.bold(heading));
        } else if let Some((mark, rest)) = list_item(line) {
            paragraph.end(&mut lines, paint);
            paragraph = Paragraph { mark: format!("  {mark} "), text: rest.to_owned() };
        } else {
            paragraph.add(line.trim_start());
        }
    }
    paragraph.end(&mut lines, paint);
    table.end(&mut lines, paint);
    lines.join("\n")
}

fn heading(line: &str) -> Option<&str> {
    ["# ", "## ", "### "].iter().find_map(|mark| line.strip_prefix(mark))
}

/// Breaks painted text into lines: its escapes do not count as width, and what is
/// to be copied stays whole.
fn wrapped(text: &str, columns: usize, first: &str, rest: &str) -> String {
    let options = Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    let fitted = |line: Cow<'_, str>| {
        // A long word begins as far to the left as it needs.
        let word = line.trim_start();
        let indent = columns.saturating_sub(display_width(word));
        let is_moved = !word.contains(' ') && display_width(&line) > columns;
        if is_moved { format!("{}{word}", " ".repeat(indent)) } else { line.into_owned() }
    };
    let lines: Vec<String> = textwrap::wrap(text, options).into_iter().map(fitted).collect();
    lines.join("\n").replace(NO_BREAK, " ")
}

/// A paragraph or an item of a list, while its lines are collected.
#[derive(Default)]
struct Paragraph {
    /// What stands before the first line; the others are indented as far.
    mark: String,
    text: String,
}

impl Paragraph {
    fn add(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(line);
    }

    fn end(&mut self, lines: &mut Vec<String>, paint: Paint) {
        let Self { mark, text } = std::mem::take(self);
        if text.is_empty() {
            return;
        }
        let indent = " ".repeat(mark.len());
        lines.push(wrapped(&spans(&text, paint), paint.columns.min(WIDEST), &mark, &indent));
    }
}

/// A table, while its rows are collected. Its head is bold, and nothing if empty.
#[derive(Default)]
struct Table {
    has_head: bool,
    /// The painted cells of each row.
    rows: Vec<Vec<String>>,
}

impl Table {
    const INDENT: &str = "  ";
    const GAP: usize = 2;

    /// A row without its first bar.
    fn add(&mut self, row: &str, paint: Paint) {
        let cells = row.trim_end().trim_end_matches('|').split('|').map(str::trim);
        let is_head = !std::mem::replace(&mut self.has_head, true);
        if cells.clone().all(|cell| cell.chars().all(|character| character == '-')) {
            // The rule below the head, or a head without words.
            return;
        }
        self.rows.push(cells.map(|cell| if is_head { paint.bold(cell) } else { spans(cell, paint) }).collect());
    }

    fn end(&mut self, lines: &mut Vec<String>, paint: Paint) {
        let Self { rows, .. } = std::mem::take(self);
        let room = paint.columns.min(WIDEST).saturating_sub(Self::INDENT.len());
        let Some(widths) = Self::widths(&rows, room) else {
            for cell in rows.iter().flatten().filter(|cell| !cell.is_empty()) {
                lines.push(wrapped(cell, room + Self::INDENT.len(), Self::INDENT, "      "));
            }
            return;
        };
        for row in rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| wrapped(cell, *width, "", "")).collect();
            let height = cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0);
            for number in 0..height {
                let mut line = Self::INDENT.to_owned();
                for (cell, width) in cells.iter().zip(&widths) {
                    let part = cell.lines().nth(number).unwrap_or("");
                    let gap = width.saturating_sub(display_width(part)) + Self::GAP;
                    line.push_str(&format!("{part}{}", " ".repeat(gap)));
                }
                lines.push(line.trim_end().to_owned());
            }
        }
    }

    /// How wide each column is: as its cells are, and if that is more than there is room
    /// for, the widest ones less, down to their longest words. `None` if even those
    /// leave no room.
    fn widths(rows: &[Vec<String>], room: usize) -> Option<Vec<usize>> {
        let columns = rows.first().map_or(0, Vec::len);
        let widest = |of: &dyn Fn(&str) -> usize| -> Vec<usize> {
            (0..columns)
                .map(|index| rows.iter().map(|row| row.get(index).map_or(0, |cell| of(cell))).max().unwrap_or(0))
                .collect()
        };
        let mut widths = widest(&display_width);
        let least = widest(&|cell| cell.split(' ').map(display_width).max().unwrap_or(0));
        while widths.iter().sum::<usize>() + Self::GAP * columns.saturating_sub(1) > room {
            let shrinking = (0..columns).filter(|index| widths[*index] > least[*index].max(8));
            let index = shrinking.max_by_key(|index| widths[*index])?;
            widths[index] -= 1;
        }
        Some(widths)
    }
}

/// A line of a block of code. A command that is longer than the line is continued, so that
/// it can be copied. Other languages stay as they are.
fn code(line: &str, language: &str, paint: Paint) -> Vec<String> {
    let columns = paint.columns.min(100);
    let command = line.trim_start();
    let is_command =
        language.split(' ').next() == Some("sh") || ["snow ", "export "].iter().any(|word| command.starts_with(word));
    let indent = 4 + line.len() - command.len();
    let lines = if is_command && indent + display_width(command) > columns {
        // A remark goes on a line before: a shell continues none.
        let (command, remark) = match command.split_once("  # ") {
            Some((command, remark)) => (command.trim_end(), Some(format!("    # {remark}"))),
            None => (command, None),
        };
        let (command, end) = command.strip_suffix(" \\").map_or((command, ""), |command| (command, " \\"));
        let mut lines: Vec<String> = remark.into_iter().collect();
        // With room for the backslash that it ends with already.
        lines.extend(continued(command, indent, columns - end.len()));
        lines.last_mut().expect("a command has lines").push_str(end);
        lines
    } else {
        vec![format!("    {line}")]
    };
    lines
        .iter()
        .map(|line| line.trim_start())
        .zip(&lines)
        .map(|(text, line)| format!("{}{}", " ".repeat(line.len() - text.len()), paint.command(text)))
        .collect()
}

/// The mark and the text of `- item` and `1. item`.
fn list_item(line: &str) -> Option<(&str, &str)> {
    let (mark, rest) = line.split_once(' ')?;
    let is_number = mark.strip_suffix('.').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    (mark == "-" || (is_number && mark.len() > 1)).then_some((mark, rest))
}

/// Paints `code` and **bold**, whose marks go. Of a link its words stay.
fn spans(text: &str, paint: Paint) -> String {
    let mut painted = String::new();
    let text = without_targets(text);
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            painted.push_str(&paint.command(&part.replace(' ', &NO_BREAK.to_string())));
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            if index % 2 == 1 { painted.push_str(&paint.bold(part)) } else { painted.push_str(part) }
        }
    }
    painted
}

/// The text with the words of each link and without its target.
fn without_targets(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, (words, after))) = rest.split_once('[').and_then(|(before, link)| {
        let (words, target) = link.split_once("](")?;
        Some((before, (words, target.split_once(')')?.1)))
    }) {
        shown.push_str(before);
        shown.push_str(words);
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { columns: 30, ..Paint::PLAIN };

    #[test]
    fn marks_go_and_lines_are_wrapped_with_a_hanging_indent() {
        let markdown = "# Title\n\nOne\nsentence with `code of\nit` in it.\n\n- an **item** that is\n  longer than a line\n1. first\n";
        let expected =
            "Title\n\nOne sentence with code of it\nin it.\n\n  - an item that is longer\n    than a line\n  1. first";
        assert_eq!(text(markdown, PLAIN), expected);
    }

    #[test]
    fn code_is_never_broken() {
        let markdown = "Then run `snow test acme --table incident` there.\n\n```\nsnow test acme --table incident --json  # all\n```\n";
        let shown = text(markdown, PLAIN);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.contains(&"snow test acme --table incident"), "{shown}");
        let end = "    # all\n    snow test acme --table \\\n      incident --json";
        assert!(shown.ends_with(end), "{shown}");
        let again = "```sh\nexport NAME=a-value OTHER=a-value \\\n  -x 'a word' -y 'another word'\n```\n```yaml\n- a line that is longer than that\n```";
        let expected = "    export NAME=a-value \\\n      OTHER=a-value \\\n -x 'a word' -y 'another word'\n    - a line that is longer than that";
        assert_eq!(text(again, PLAIN), expected);
    }

    #[test]
    fn a_table_is_set_in_columns_which_shrink_where_there_is_no_room() {
        let markdown = "| name | what it is |\n| --- | --- |\n| `a` | [some](x.md) words that are too long |\n| bcd | short |\n\nNext";
        let expected = "  name  what it is\n  a     some words that are\n        too long\n  bcd   short\n\nNext";
        assert_eq!(text(markdown, PLAIN), expected);
        let narrow = Paint { columns: 12, ..PLAIN };
        assert!(text(markdown, narrow).starts_with("  name\n  what it is\n  a\n"), "{}", text(markdown, narrow));
        assert_eq!(text("| | |\n| --- | --- |\n| `a` | b |", PLAIN), "  a  b");
    }

    #[test]
    fn of_a_link_the_words_stay() {
        assert_eq!(text("See [the guide](guide.md#x), or [x] there.", Paint::PLAIN), "See the guide, or [x] there.");
    }

    #[test]
    fn colour_changes_no_line_end() {
        let markdown = "Some **bold words that go on** and `some code` with more after it, until it wraps.\n";
        let coloured = text(markdown, Paint { colour: true, ..PLAIN });
        let plain = text(markdown, PLAIN);
        assert!(coloured.contains('\u{1b}'));
        let width = |text: &str| text.lines().map(display_width).collect::<Vec<_>>();
        assert_eq!(width(&coloured), width(&plain));
    }
}
