//! Why a browser came back without a code, or did not come back, as rows of a table.
//!
//! Each service has a table of its rows, read from the top: the first that fits decides.

use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode};

/// What a service says of sign-ins with a browser that gave no code.
pub struct Denials {
    /// The last fits everything.
    pub rows: &'static [Denial],
    /// What may be behind a browser that does not come back. Texts may hold `{redirect_uri}`.
    pub timed_out: &'static [CauseRow],
    /// What is to be done then.
    pub after_time: &'static [&'static str],
}

/// One way in which a browser comes back without a code. Texts may hold `{host}`,
/// `{client}`, `{scope}`, `{redirect_uri}`, `{said}`, `{guide_oauth}`, `{edit_scope}`, `{edit_pkce_on}` and
/// `{edit_pkce_off}`.
pub struct Denial {
    pub fits: fn(&Denied<'_>) -> bool,
    pub why: &'static str,
    pub causes: &'static [CauseRow],
    pub next: &'static [&'static str],
}

/// What the browser brought instead of a code (RFC 6749 §4.1.2.1).
pub struct Denied<'a> {
    pub error: &'a str,
    pub description: Option<&'a str>,
    pub has_pkce: bool,
}

impl Denied<'_> {
    pub fn is(&self, word: &str) -> bool {
        self.error.eq_ignore_ascii_case(word)
    }

    /// Whether error or description hold these words.
    pub fn mentions(&self, words: &str) -> bool {
        let mut texts = [Some(self.error), self.description].into_iter().flatten();
        texts.any(|text| text.to_ascii_lowercase().contains(words))
    }

    pub fn is_about_pkce(&self) -> bool {
        ["code_challenge", "code challenge", "pkce"].iter().any(|words| self.mentions(words))
    }
}

impl Denials {
    /// What may be behind each code of a sign-in with a browser.
    pub fn causes(&self) -> impl Iterator<Item = CausesOfCode> + use<> {
        let denied = self.rows.iter().map(|row| CausesOfCode::new(Code::LoginDenied, row.causes));
        denied.chain([CausesOfCode::new(Code::LoginTimeout, self.timed_out)])
    }
}
