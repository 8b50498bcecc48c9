//! What an administrator must set up before a way to sign in works.

/// The guide for one way to sign in.
#[derive(Debug)]
pub struct Guide {
    /// The name of the way to sign in.
    pub method: &'static str,
    pub about: &'static str,
    /// Markdown with placeholders.
    pub text: &'static str,
    /// Whether it names a redirect URI.
    pub has_redirect_uri: bool,
    /// What is true of the account that signs in, at the end.
    pub account: &'static str,
    /// What is true of access tokens, where the text has `{for_tokens}`.
    pub tokens: &'static str,
}
