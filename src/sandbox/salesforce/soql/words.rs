//! A query as words, each with where it begins.

use super::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A name, a keyword, a number or a moment.
    Bare(String),
    Quoted(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","];

pub fn words(soql: &str) -> Result<Vec<(usize, Word)>, Refusal> {
    let mut words = Vec::new();
    let mut rest = soql;
    loop {
        rest = rest.trim_start();
        let at = soql.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(words) };
        if first == '\'' {
            let (text, length) = quoted(rest).ok_or_else(|| Refusal::unexpected(rest))?;
            words.push((at, Word::Quoted(text)));
            rest = &rest[length..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            words.push((at, Word::Sign(sign)));
            rest = &rest[sign.len()..];
        } else {
            let is_part = |letter: char| letter.is_alphanumeric() || "_.:+-".contains(letter);
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            if end == 0 {
                let message = format!("line 1:{at} no viable alternative at character '{first}'");
                return Err(Refusal::malformed(message));
            }
            words.push((at, Word::Bare(rest[..end].to_owned())));
            rest = &rest[end..];
        }
    }
}

/// The text between quotes, with `\'` and the like resolved, and how long it is as it was
/// written.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Some((text, at + 1)),
            '\\' => match letters.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                // For LIKE, which resolves these itself.
                special @ ('%' | '_') => text.extend(['\\', special]),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

impl Word {
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Bare(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Bare(text) | Self::Quoted(text) => text,
            Self::Sign(sign) => sign,
        }
    }
}
