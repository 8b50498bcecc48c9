//! Markdown as text on a terminal, for the texts that snow brings along.
//!
//! Knows what those texts use and nothing else: headings, paragraphs, lists of
//! one level, fenced blocks, `code` and **bold**. It is no reader of foreign
//! Markdown.

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
    let mut in_code = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            paragraph.end(&mut lines, paint);
            in_code = !in_code;
        } else if in_code {
            lines.extend(code(line, paint));
        } else if line.is_empty() {
            paragraph.end(&mut lines, paint);
            lines.push(String::new());
        } else if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("# ")) {
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
    lines.join("\n")
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
        let options = Options::new(paint.columns.min(WIDEST))
            .initial_indent(&mark)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        // The escapes of colours do not count as width.
        lines.push(textwrap::fill(&spans(&text, paint), options).replace(NO_BREAK, " "));
    }
}

/// A line of a block of code. A command that is longer than the line is continued, so that
/// it can be copied.
fn code(line: &str, paint: Paint) -> Vec<String> {
    let lines = if line.starts_with("snow ") {
        continued(line, 4, paint.columns.min(100))
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

/// Paints `code` and **bold**, whose marks go.
fn spans(text: &str, paint: Paint) -> String {
    let mut painted = String::new();
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
        let end = "    snow test acme --table \\\n      incident --json  # all";
        assert!(shown.ends_with(end), "{shown}");
    }

    #[test]
    fn colour_changes_no_line_end() {
        let markdown = "Some **bold words that go on** and `some code` with more after it, until it wraps.\n";
        let coloured = text(markdown, Paint { colour: true, ..PLAIN });
        let plain = text(markdown, PLAIN);
        assert!(coloured.contains('\u{1b}'));
        let width = |text: &str| text.lines().map(textwrap::core::display_width).collect::<Vec<_>>();
        assert_eq!(width(&coloured), width(&plain));
    }
}
