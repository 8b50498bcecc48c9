//! Lines that fit the terminal: a head, labelled paragraphs, columns.

use textwrap::Options;
use textwrap::core::display_width;
use unicode_width::UnicodeWidthStr;

use crate::report::paint::Paint;

/// Where the text of a labelled paragraph begins.
pub const INDENT: usize = 9;

/// The first lines: a mark, the verdict, and where there is room the exit code
/// at the right end, where a person looks. The mark may be painted.
pub fn head(mark: &str, verdict: &str, exit_code: Option<u8>, paint: Paint) -> String {
    let text = wrap(verdict, mark, "  ", paint);
    match exit_code {
        Some(code) if !text.contains('\n') => right(&text, &exit_mark(code), paint),
        _ => text,
    }
}

pub fn labelled(label: &str, text: &str, paint: Paint, indent: usize) -> String {
    let gap = " ".repeat(indent.saturating_sub(2 + label.width()));
    let label = if label.is_empty() { String::new() } else { paint.dim(label) };
    wrap(text, &format!("  {label}{gap}"), &" ".repeat(indent), paint)
}

pub fn hanging(label: &str, text: &str, paint: Paint) -> String {
    let start = format!("  {label:<width$}- ", width = INDENT - 2);
    wrap(text, &start, &" ".repeat(INDENT + 2), paint)
}

/// Sentences for a person, two from the left and within the terminal.
pub fn paragraph(text: &str, paint: Paint) -> String {
    wrap(text, "  ", "  ", paint)
}

/// `text` in lines that begin with `first` and `rest`, which may be painted:
/// escapes do not count.
pub fn wrap(text: &str, first: &str, rest: &str, paint: Paint) -> String {
    if !paint.breaks_lines {
        return format!("{first}{text}");
    }
    let options = Options::new(paint.columns.min(100))
        .initial_indent(first)
        .subsequent_indent(rest)
        // A URL or a command must stay whole to be copied.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

pub fn exit_mark(code: u8) -> String {
    format!("exit {code}")
}

/// `left`, and `mark` at the right end of the terminal where there is room.
pub fn right(left: &str, mark: &str, paint: Paint) -> String {
    let gap = paint.columns.saturating_sub(display_width(left) + mark.width());
    if paint.is_terminal && gap >= 2 {
        format!("{left}{}{}", " ".repeat(gap), paint.dim(mark))
    } else {
        left.to_owned()
    }
}

pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}
