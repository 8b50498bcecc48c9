//! How text may look: colour, symbols, width.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

use crate::base::shown::is_hidden;
use crate::check::report::Status;

/// What [`Paint`] writes to colour; no other sequence reaches a terminal.
const OWN_COLOURS: [&str; 7] =
    ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m"];

/// How text may look on one stream: colour, symbols, width.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    pub colour: bool,
    pub unicode: bool,
    pub is_terminal: bool,
    pub columns: usize,
    /// Whether long lines are broken for whoever reads them.
    pub breaks_lines: bool,
}

impl Paint {
    /// For a file that anybody may open.
    pub const PLAIN: Self = Self { colour: false, unicode: true, is_terminal: false, columns: 80, breaks_lines: true };

    /// The same without colour.
    pub fn without_colour(self) -> Self {
        Self { colour: false, ..self }
    }

    pub fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn doubtful(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Something to type.
    pub fn command(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default().bold(), text)
    }

    pub fn bar(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// Text as it may be written: what could act on a terminal or hide text is
    /// escaped, wherever it came from, and our own signs are in ASCII where the
    /// locale has no others.
    pub fn spelled(self, text: &str) -> Cow<'_, str> {
        let text = self.harmless(text);
        if self.unicode || text.is_ascii() {
            text
        } else {
            text.replace('…', "...").replace(['–', '·'], "-").into()
        }
    }

    /// Without hidden characters but for our own colours.
    fn harmless(self, text: &str) -> Cow<'_, str> {
        let acts = |character: char| character == '\r' || is_hidden(character);
        if !text.contains(acts) {
            return text.into();
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(acts) {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let own = OWN_COLOURS.into_iter().find(|colour| self.colour && rest.starts_with(colour));
            let character = rest.chars().next().unwrap_or_default();
            match own {
                Some(colour) => shown.push_str(colour),
                None => shown.extend(character.escape_unicode()),
            }
            rest = &rest[own.map_or(character.len_utf8(), str::len)..];
        }
        shown.push_str(rest);
        shown.into()
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The mark of a check.
    pub fn mark(self, status: Status) -> String {
        match status {
            Status::Pass => self.tick(),
            Status::Warn => self.bang(),
            Status::Fail => self.cross(),
            Status::Skip => self.dash(),
        }
    }

    pub fn tick(self) -> String {
        self.good(if self.unicode { "✓" } else { "ok" })
    }

    pub fn cross(self) -> String {
        self.bad(if self.unicode { "✗" } else { "x" })
    }

    pub fn bang(self) -> String {
        self.doubtful("!")
    }

    pub fn dash(self) -> String {
        self.dim(if self.unicode { "–" } else { "-" })
    }

    pub fn marker(self) -> &'static str {
        if self.unicode { "▸" } else { ">" }
    }

    pub fn dot(self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURED: Paint = Paint { colour: true, ..Paint::PLAIN };

    #[test]
    fn what_is_written_acts_on_no_terminal_but_by_our_own_colours() {
        let hostile = "a\u{1b}]0;x\u{7}\u{9b}8m\r\u{202e}\u{1b}[8mb\n\tc";
        let escaped = "a\\u{1b}]0;x\\u{7}\\u{9b}8m\\u{d}\\u{202e}\\u{1b}[8mb\n\tc";
        for paint in [Paint::PLAIN, COLOURED] {
            assert_eq!(paint.spelled(hostile), escaped);
        }
        assert_eq!(Paint::PLAIN.spelled("\u{1b}[31mred"), "\\u{1b}[31mred");
    }

    #[test]
    fn every_colour_of_ours_is_written() {
        for paint in [Paint::bold, Paint::dim, Paint::good, Paint::bad, Paint::doubtful, Paint::command, Paint::bar] {
            let painted = paint(COLOURED, "text");
            assert_eq!(COLOURED.spelled(&painted), painted);
        }
    }
}
