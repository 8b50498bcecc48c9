//! Lines that fit the terminal: a head, labelled paragraphs, columns.

use textwrap::Options;
use unicode_width::UnicodeWidthStr;

use crate::report::paint::Paint;

/// Where the text of a labelled paragraph begins.
pub const INDENT: usize = 9;

/// The first lines: a painted mark, the verdict, and where there is room the
/// exit code at the right end, where a person looks.
pub fn head(mark: &str, painted: &str, verdict: &str, exit_code: Option<u8>, paint: Paint) -> String {
    let wrapped = wrap(verdict, mark, "  ", paint);
    let text = format!("{painted}{}", &wrapped[mark.len()..]);
    let exit = exit_code.map(exit_mark).unwrap_or_default();
    let gap = paint.columns.saturating_sub(wrapped.width() + exit.width());
    match paint.is_terminal && !exit.is_empty() && gap >= 2 && !wrapped.contains('\n') {
        true => format!("{text}{}{}", " ".repeat(gap), paint.dim(&exit)),
        false => text,
    }
}

pub fn labelled(label: &str, text: &str, paint: Paint, indent: usize) -> String {
    let start = format!("  {label:<width$}", width = indent.saturating_sub(2));
    let wrapped = wrap(text, &start, &" ".repeat(indent), paint);
    match label.is_empty() {
        true => wrapped,
        // Painted after wrapping, so that the escapes do not count.
        false => wrapped.replacen(label, &paint.dim(label), 1),
    }
}

pub fn hanging(label: &str, text: &str, paint: Paint) -> String {
    let start = format!("  {label:<width$}- ", width = INDENT - 2);
    wrap(text, &start, &" ".repeat(INDENT + 2), paint)
}

/// Sentences for a person, two from the left and within the terminal.
pub fn paragraph(text: &str, paint: Paint) -> String {
    wrap(text, "  ", "  ", paint)
}

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

pub fn right(left: &str, mark: &str, paint: Paint) -> String {
    let gap = paint.columns.saturating_sub(left.width() + mark.width());
    match paint.is_terminal && gap >= 2 {
        true => format!("{left}{}{}", " ".repeat(gap), paint.dim(mark)),
        false => left.to_owned(),
    }
}

pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
