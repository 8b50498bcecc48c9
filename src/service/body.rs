//! What the body of an answer may hold, whatever the service.

use serde_json::Value;

/// What other JSON says to people. The word of a token endpoint is not for people.
pub fn said(json: &Value) -> Option<String> {
    let places = ["/message", "/error/message", "/error", "/fault/faultstring", "/errors/0/message", "/detail"];
    let said = places.iter().find_map(|place| json.pointer(place)?.as_str())?;
    (!is_oauth_error(said)).then(|| said.to_owned())
}

/// Whether `word` is one by which a token endpoint refuses: those of RFC 6749
/// (§4.1.2.1, §5.2).
pub fn is_oauth_error(word: &str) -> bool {
    [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "server_error",
        "temporarily_unavailable",
    ]
    .contains(&word)
}

/// The text between `<title>` and `</title>`. Not shortened here: a secret that
/// was cut would not be recognised any more.
pub fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title").unwrap_or(lower.len() - from);
    let title = html[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}
