//! Text that may be shown to a person, a log or a report.
//!
//! A failure is built from string literals and [`Shown`] values; passing a
//! `String` does not compile. What comes from outside becomes one in two
//! ways: [`Shown::outside`] for the names that this machine gives (files,
//! variables, what the system says), and `Redactor::server_text` for whatever an
//! instance sent, which could echo a secret. Both cut, and take away what moves
//! a cursor or commands a CI runner. [`shown!`] puts them into our sentences.

use std::fmt;

/// The most of a name from this machine that is shown, in characters.
const MAX_OUTSIDE: usize = 4096;

/// Text that is safe to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// Text from this machine or its user, never from a server.
    pub fn outside(text: impl AsRef<str>) -> Self {
        Self(without_commands(&visible(&shorten(text.as_ref(), MAX_OUTSIDE))))
    }

    /// What the redactor has masked, cut and made visible.
    pub(super) fn of_masked(text: String) -> Self {
        Self(text)
    }

    /// Several, joined by `separator`.
    pub fn list(texts: impl IntoIterator<Item = impl Show>, separator: &'static str) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.show().0).collect();
        Self(texts.join(separator))
    }

    /// What [`shown!`] expands to; nothing else should call it.
    pub(crate) fn joined(text: fmt::Arguments<'_>) -> Self {
        Self(text.to_string())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Shown {
    fn from(ours: &'static str) -> Self {
        Self(ours.to_owned())
    }
}

impl From<&Self> for Shown {
    fn from(shown: &Self) -> Self {
        shown.clone()
    }
}

impl From<Shown> for String {
    fn from(shown: Shown) -> Self {
        shown.0
    }
}

impl std::ops::Deref for Shown {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A value that can be shown. `String` does not implement this: its type does not
/// say where the text came from.
pub trait Show {
    /// The value as it is shown.
    fn show(&self) -> Shown;
}

impl Show for Shown {
    fn show(&self) -> Shown {
        self.clone()
    }
}

impl Show for &'static str {
    fn show(&self) -> Shown {
        Shown::from(*self)
    }
}

impl<T: Show> Show for &T {
    fn show(&self) -> Shown {
        (*self).show()
    }
}

/// Lets types be shown as they display themselves.
macro_rules! shown_as_displayed {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::base::shown::Show for $type {
            fn show(&self) -> $crate::base::shown::Shown {
                $crate::base::shown::Shown::outside(self.to_string())
            }
        })*
    };
}
pub(crate) use shown_as_displayed;

shown_as_displayed!(u8, u16, u32, u64, u128, usize, i64, std::path::Display<'_>, std::io::Error, std::net::SocketAddr);

/// `format!` for shown text: a literal, and values that implement [`Show`].
/// Placeholders are `{}` or `{0}`; `{name}` is refused, since its type would not be
/// checked.
macro_rules! shown {
    ($text:literal $(, $value:expr)* $(,)?) => {{
        const { $crate::base::shown::check_places($text) };
        $crate::base::shown::Shown::joined(format_args!($text $(, $crate::base::shown::Show::show(&$value))*))
    }};
}
pub(crate) use shown;

/// Fails to compile where [`has_plain_places`] is false.
pub const fn check_places(format: &str) {
    assert!(has_plain_places(format), "placeholders of shown! are {{}} or {{0}}");
}

/// Whether every placeholder is empty or a number.
const fn has_plain_places(format: &str) -> bool {
    let bytes = format.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'{' {
            let mut end = at + 1;
            if end < bytes.len() && bytes[end] == b'{' {
                at += 2;
                continue;
            }
            while end < bytes.len() && bytes[end].is_ascii_digit() {
                end += 1;
            }
            if end >= bytes.len() || bytes[end] != b'}' {
                return false;
            }
            at = end;
        }
        at += 1;
    }
    true
}

/// One thing to do: words, and the commands that do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step(Vec<Part>);

/// A part of what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Words(Shown),
    /// To be typed as it stands.
    Command(Shown),
}

impl Step {
    /// Words; where a command follows, with the space between them.
    pub fn say(words: impl Into<Shown>) -> Self {
        Self(vec![Part::Words(words.into())])
    }

    /// A command that is all there is to do.
    pub fn run(command: impl Into<Shown>) -> Self {
        Self(vec![Part::Command(command.into())])
    }

    /// With words at its end.
    pub fn and_say(mut self, words: impl Into<Shown>) -> Self {
        self.0.push(Part::Words(words.into()));
        self
    }

    /// With a command at its end.
    pub fn and_run(mut self, command: impl Into<Shown>) -> Self {
        self.0.push(Part::Command(command.into()));
        self
    }

    /// Appends what another says.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Our own text with its places, as `{host}`, filled. In one pass: what comes
    /// from elsewhere is not searched for places.
    pub(crate) fn filled(text: &'static str, values: &[(&'static str, Self)]) -> Self {
        let mut filled = Self::say("");
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled = filled.and_say(&rest[..at]);
            rest = &rest[at..];
            let value = values.iter().find(|(place, _)| rest.starts_with(place));
            let (place, value) = value.expect("texts hold known places");
            filled = filled.and(value.clone());
            rest = &rest[place.len()..];
        }
        filled.and_say(rest)
    }

    /// The whole sentence.
    pub fn text(&self) -> Shown {
        Shown(self.to_string())
    }

    /// The first command in it.
    pub fn command(&self) -> Option<&Shown> {
        self.0.iter().find_map(|part| match part {
            Part::Command(command) => Some(command),
            Part::Words(_) => None,
        })
    }

    /// Its words and commands, in their order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl<T: Into<Shown>> From<T> for Step {
    fn from(words: T) -> Self {
        Self::say(words)
    }
}

/// The sentence, with its commands spelt in it.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Words(text) | Part::Command(text) => formatter.write_str(text),
        })
    }
}

impl serde::Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing to do.
#[derive(serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Step"))]
pub struct StepInJson<'a> {
    /// The whole sentence.
    #[cfg_attr(test, schemars(with = "String"))]
    text: &'a Step,
    /// The first command in it; null where there is none.
    command: Option<&'a Shown>,
}

impl<'a> StepInJson<'a> {
    pub fn all(steps: &'a [Step]) -> Vec<Self> {
        steps.iter().map(|step| Self { text: step, command: step.command() }).collect()
    }
}

/// The beginnings of commands to GitHub's runner, as visible escapes. It takes
/// `::` from the first word of a line, wherever a line may be broken, and
/// `##[` from anywhere.
pub(super) fn without_commands(text: &str) -> String {
    let mut shown = text.replace("##[", "\\u{23}#[");
    if shown.starts_with("::") {
        shown.replace_range(..1, "\\u{3a}");
    }
    shown.replace(" ::", " \\u{3a}:")
}

/// Control, direction and invisible characters as visible escapes; runs of
/// white space as one space. What comes out cannot move a cursor.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() && !is_hidden(character) {
            if !shown.ends_with(' ') && !shown.is_empty() {
                shown.push(' ');
            }
        } else if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    while shown.ends_with(' ') {
        shown.pop();
    }
    shown
}

/// Whether `character` could act on a terminal or hide text from a reader.
/// Line ends and tabs are white space here, not hidden.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => character.is_control(),
    }
}

/// JSON with what could act on a terminal or hide text escaped as JSON has it. Such
/// characters occur within its strings alone.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            shown.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The reason why a value is wrong, without the value, which may be a secret at the
/// wrong place: ours begin with it, as `"x" is not a table name`, and serde's hold it.
pub fn without_value(reason: &str) -> String {
    if reason == "invalid digit found in string" {
        return "not a whole number".to_owned();
    }
    let found = reason.split_once(": ").filter(|(kind, _)| kind.starts_with("invalid "));
    if let Some((kind, found)) = found
        && let Some((_, expected)) = found.rsplit_once(", expected ")
    {
        return format!("{kind}: expected {expected}");
    }
    match reason.strip_prefix('"').and_then(|reason| reason.rsplit_once("\" ")) {
        Some((_, rest)) => format!("this {rest}"),
        None => reason.to_owned(),
    }
}

/// The first `limit` characters, with a mark where something was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_moves_no_cursor_and_commands_no_runner() {
        let shown = Shown::outside("a\u{1b}[2J\nb ::error::c ##[group]");
        assert_eq!(shown.as_str(), "a\\u{1b}[2J b \\u{3a}:error::c \\u{23}#[group]");
        assert_eq!(Shown::outside("x".repeat(MAX_OUTSIDE + 1)).chars().count(), MAX_OUTSIDE + 1);
        assert!(Shown::outside("x".repeat(1_000_000)).ends_with('…'));
    }

    #[test]
    fn hidden_characters_in_json_are_escaped_and_mean_the_same() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0041}\nä";
        let json = visible_json(&serde_json::to_string(text).unwrap());
        assert!(json.is_ascii() != json.contains('ä') && !json.contains(is_hidden), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_place_names_no_value() {
        assert!(has_plain_places("{} and {0}, {{as it is}}"));
        for bad in ["{name}", "{:?}", "{0:>3}", "{", "a {"] {
            assert!(!has_plain_places(bad), "{bad}");
        }
    }

    #[test]
    fn a_step_is_its_words_and_commands_in_a_row() {
        let step = Step::say("Get it, then: ").and_run("snow edit a").and_say(", and ").and_run("snow login a");
        assert_eq!(step.to_string(), "Get it, then: snow edit a, and snow login a");
        assert_eq!(step.parts()[1], Part::Command("snow edit a".into()));
    }
}
