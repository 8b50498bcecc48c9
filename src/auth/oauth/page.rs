//! What the browser shows at the end of a sign-in, or if it is not the right one.
//!
//! One document without script, picture or font, under a policy that forbids
//! everything but its own style. Nothing of the request is repeated in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::base::html::escaped;

const STYLE: &str = include_str!("page.css");

/// One answer to a browser.
#[derive(Debug, Clone)]
pub struct Page {
    status: u16,
    /// Good, bad, or neither.
    tone: &'static str,
    title: String,
    sentences: Vec<String>,
    /// A command to run next.
    command: Option<String>,
}

impl Page {
    /// The session is saved.
    pub fn signed_in(name: &str, instance: &str) -> Self {
        Self::new(200, "good", "Signed in")
            .says(format!("Your session on {instance} is saved as \u{201c}{name}\u{201d}."))
            .says("You can close this tab and return to the terminal.")
            .then(format!("snow test {name}"))
    }

    /// The person, or the instance, said no.
    pub fn denied(instance: &str) -> Self {
        Self::new(200, "bad", "Not signed in")
            .says(format!("{instance} did not grant the sign-in. Nothing was saved."))
            .says("You can close this tab. The terminal shows the details.")
    }

    /// Something went wrong after the browser had done its part.
    pub fn failed(message: &str) -> Self {
        Self::new(200, "bad", "Not signed in")
            .says(format!("{message}."))
            .says("You can close this tab. The terminal shows the reason and what to do.")
    }

    pub fn not_this_attempt() -> Self {
        Self::new(400, "neutral", "This is not the current sign-in")
            .says("It may belong to an earlier attempt. Open the address that the terminal shows now.")
    }

    /// Another request was the right one.
    pub fn too_late() -> Self {
        Self::new(410, "neutral", "This sign-in is already complete").says("You can close this tab.")
    }

    pub fn not_a_navigation() -> Self {
        Self::new(403, "neutral", "Blocked")
            .says("snow answers a browser that opens this address, not a page that fetches or frames it.")
    }

    pub fn not_found() -> Self {
        Self::new(404, "neutral", "Not found").says("snow is waiting here for the end of a sign-in.")
    }

    pub fn wrong_host() -> Self {
        Self::new(403, "neutral", "Wrong address").says("snow answers only at the redirect URI of the sign-in.")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(405, "neutral", "Wrong method").says("snow is waiting here for the end of a sign-in.")
    }

    /// A request with more cookies than are read.
    pub fn too_large() -> Self {
        Self::new(431, "bad", "Too many cookies")
            .says("This browser sent more than 64 KiB of cookies to this machine, which snow does not read.")
            .says("Delete the cookies of localhost, or open the address from the terminal in a private window.")
    }

    /// For a browser that another user of this machine runs.
    pub fn other_user() -> Self {
        Self::new(403, "neutral", "Not your sign-in").says("Another user of this machine is signing in here.")
    }

    fn new(status: u16, tone: &'static str, title: &str) -> Self {
        Self { status, tone, title: title.to_owned(), sentences: Vec::new(), command: None }
    }

    fn says(mut self, sentence: impl Into<String>) -> Self {
        self.sentences.push(sentence.into());
        self
    }

    fn then(mut self, command: String) -> Self {
        self.command = Some(command);
        self
    }

    #[cfg(test)]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The whole HTTP response; the connection ends with it.
    pub fn into_response(self) -> Vec<u8> {
        let body = self.html();
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            410 => "Gone",
            431 => "Request Header Fields Too Large",
            _ => "Method Not Allowed",
        };
        let allow = if self.status == 405 { "Allow: GET\r\n" } else { "" };
        let style = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "HTTP/1.1 {} {reason}\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-store\r\n\
             {allow}Connection: close\r\n\r\n{body}",
            self.status,
            body.len(),
        )
        .into_bytes()
    }

    fn html(&self) -> String {
        let sentences: String =
            self.sentences.iter().map(|sentence| format!("<p>{}</p>\n", escaped(sentence))).collect();
        let command = self.command.as_ref().map_or_else(String::new, |command| {
            format!("<p class=\"next\">Next</p>\n<p class=\"command\"><code>{}</code></p>\n", escaped(command))
        });
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title} \u{b7} snow</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main class=\"{tone}\">\n<p class=\"program\">snow</p>\n<h1>{title}</h1>\n\
             {sentences}{command}</main>\n</body>\n</html>\n",
            title = escaped(&self.title),
            tone = self.tone,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_escapes_what_it_is_given_and_loads_nothing() {
        let page = Page::failed("<script>alert('x')</script> & \"more\"");
        let text = String::from_utf8(page.into_response()).unwrap();
        assert!(!text.contains("<script>"));
        assert!(text.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        for outside in ["http://", "https://", "src=", "url(", "@import", "onload"] {
            assert!(!text.contains(outside), "{outside}");
        }
        assert!(text.contains("default-src 'none'"));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
