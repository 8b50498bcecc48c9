//! How text may look: colour, symbols, width.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

use crate::base::shown::is_hidden;
use crate::check::report::Status;

/// What [`Paint`] writes to colour; no other sequence reaches a terminal.
const OWN_COLOURS: [&str; 6] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[35m"];

/// Of the colours of a terminal, those that can be read on a light background as well as on
/// a dark one, in bold, which many terminals show as the bright colour. Green is for marks.
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const TO_TYPE: Style = AnsiColor::Magenta.on_default().bold();

/// How text may look on one stream: colour, symbols, width.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    pub colour: bool,
    pub unicode: bool,
    pub is_terminal: bool,
    pub columns: usize,
    /// Whether long lines are broken for the reader.
    pub breaks_lines: bool,
}

impl Paint {
    /// For a file that anyone may open.
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

    pub fn bad(self, text: &str) -> String {
        self.paint(BAD, text)
    }

    /// Not in yellow, which cannot be read on white.
    pub fn doubtful(self, text: &str) -> String {
        self.bold(text)
    }

    /// Something to type.
    pub fn command(self, text: &str) -> String {
        self.paint(TO_TYPE, text)
    }

    pub fn bar(self, text: &str) -> String {
        self.paint(GOOD, text)
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
        self.paint(GOOD, if self.unicode { "✓" } else { "ok" })
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
        for paint in [Paint::bold, Paint::dim, Paint::bad, Paint::doubtful, Paint::command, Paint::bar] {
            let painted = paint(COLOURED, "text");
            assert_eq!(COLOURED.spelled(&painted), painted);
        }
        assert_eq!(COLOURED.spelled(&COLOURED.tick()), COLOURED.tick());
    }

    /// A terminal as it comes: its background, and the six colours from red to cyan, plain
    /// and bright.
    const PALETTES: [(&str, u32, [u32; 6], [u32; 6]); 10] = [
        ("xterm, white", 0xffffff, XTERM, BRIGHT_XTERM),
        ("xterm, black", 0x000000, XTERM, BRIGHT_XTERM),
        (
            "VS Code, light",
            0xffffff,
            [0xcd3131, 0x107c10, 0x949800, 0x0451a5, 0xbc05bc, 0x0598bc],
            [0xcd3131, 0x14ce14, 0xb5ba00, 0x0451a5, 0xbc05bc, 0x0598bc],
        ),
        (
            "VS Code, dark",
            0x1e1e1e,
            [0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd],
            [0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db],
        ),
        ("Solarized, light", 0xfdf6e3, SOLARIZED, BRIGHT_SOLARIZED),
        ("Solarized, dark", 0x002b36, SOLARIZED, BRIGHT_SOLARIZED),
        ("macOS, light", 0xffffff, MACOS, BRIGHT_MACOS),
        ("macOS, dark", 0x1e1e1e, MACOS, BRIGHT_MACOS),
        ("Windows, light", 0xffffff, WINDOWS, BRIGHT_WINDOWS),
        ("Windows, dark", 0x0c0c0c, WINDOWS, BRIGHT_WINDOWS),
    ];
    const XTERM: [u32; 6] = [0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd];
    const BRIGHT_XTERM: [u32; 6] = [0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff];
    const SOLARIZED: [u32; 6] = [0xdc322f, 0x859900, 0xb58900, 0x268bd2, 0xd33682, 0x2aa198];
    const BRIGHT_SOLARIZED: [u32; 6] = [0xcb4b16, 0x586e75, 0x657b83, 0x839496, 0x6c71c4, 0x93a1a1];
    const MACOS: [u32; 6] = [0x990000, 0x00a600, 0x999900, 0x0000b2, 0xb200b2, 0x00a6b2];
    const BRIGHT_MACOS: [u32; 6] = [0xe50000, 0x00d900, 0xe5e500, 0x0000ff, 0xe500e5, 0x00e5e5];
    const WINDOWS: [u32; 6] = [0xc50f1f, 0x13a10e, 0xc19c00, 0x0037da, 0x881798, 0x3a96dd];
    const BRIGHT_WINDOWS: [u32; 6] = [0xe74856, 0x16c60c, 0xf9f1a5, 0x3b78ff, 0xb4009e, 0x61d6d6];

    /// How well one colour can be told from another (WCAG 2.2), from 1 to 21.
    fn contrast(one: u32, other: u32) -> f64 {
        let luminance = |colour: u32| {
            [(16, 0.2126), (8, 0.7152), (0, 0.0722)].into_iter().fold(0.0, |sum, (shift, weight)| {
                let part = f64::from((colour >> shift) & 0xff) / 255.0;
                sum + weight * if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            })
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    /// Where a colour, shown bright if it is bold, has less contrast than this.
    fn unreadable(style: Style, least: f64) -> Vec<&'static str> {
        let Some(anstyle::Color::Ansi(colour)) = style.get_fg_color() else { return Vec::new() };
        let index = usize::from(anstyle::Ansi256Color::from(colour).index() - 1);
        let is_bold = style.get_effects().contains(anstyle::Effects::BOLD);
        let seen = |(_, background, plain, bright): &(&str, u32, [u32; 6], [u32; 6])| {
            contrast(if is_bold { bright[index] } else { plain[index] }, *background)
        };
        PALETTES.iter().filter(|palette| seen(palette) < least).map(|(name, ..)| *name).collect()
    }

    #[test]
    fn every_colour_can_be_read_on_a_light_and_on_a_dark_terminal() {
        // Words, and marks that stand beside words.
        for (style, least) in [(BAD, 3.0), (TO_TYPE, 3.0), (GOOD, 2.0)] {
            assert_eq!(unreadable(style, least), Vec::<&str>::new(), "{style:?}");
        }
        // What was there before.
        assert!(!unreadable(AnsiColor::Yellow.on_default(), 2.0).is_empty());
        assert!(!unreadable(AnsiColor::Cyan.on_default().bold(), 2.0).is_empty());
        // Nothing else is let through.
        let of_styles = [Style::new().bold(), Style::new().dimmed(), BAD, GOOD, TO_TYPE];
        let written: String = of_styles.iter().map(|style| format!("{style}{style:#}")).collect();
        let escapes: std::collections::BTreeSet<_> = written.split_inclusive('m').collect();
        assert_eq!(escapes, OWN_COLOURS.into_iter().collect());
    }
}
