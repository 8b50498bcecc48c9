//! How text may look: colour, symbols, width.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

use crate::check::report::Status;

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

    pub fn command(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// Our own signs in ASCII, where the locale has no others.
    pub fn spelled(self, text: &str) -> Cow<'_, str> {
        if self.unicode || text.is_ascii() {
            text.into()
        } else {
            text.replace('…', "...").replace(['–', '·'], "-").into()
        }
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
