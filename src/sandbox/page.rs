//! What the pages for people share. They work without scripts, load nothing, and
//! everything from outside is escaped.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::answers::{self, Response};
use super::rows::USERS;
use crate::base::html::escaped as escape;

const STYLE: &str = include_str!("style.css");

/// Allows this one style sheet, and nothing else.
static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(STYLE))));

/// A page whose forms go to the sources of `form_action`.
pub fn with_policy(status: u16, title: &str, content: &str, form_action: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src {}; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_SOURCE
    );
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>\
         <p class=\"sandbox\"><strong>Sandbox.</strong> Everything here is made up.</p>\
         <div class=\"content\">{content}</div></main></body></html>"
    );
    answers::document(status, html).with("Content-Security-Policy", policy).with("Referrer-Policy", "no-referrer")
}

/// A made-up user, as the pages show them.
pub struct Person<'a> {
    pub user_name: &'a str,
    pub password: &'a str,
    pub display_name: String,
    pub roles: String,
}

/// Asks for a user name and a password; below them each made-up user signs in with a
/// click. `hidden` goes with either.
pub fn sign_in_forms(action: &str, hidden: &str, was_refused: bool) -> String {
    let people = USERS.iter().map(|user| Person {
        user_name: user.user_name,
        password: user.password,
        display_name: user.display_name.to_owned(),
        roles: roles(user.roles),
    });
    sign_in_forms_of(people, action, hidden, was_refused)
}

/// The same, with these users.
pub fn sign_in_forms_of<'a>(
    people: impl Iterator<Item = Person<'a>>,
    action: &str,
    hidden: &str,
    was_refused: bool,
) -> String {
    let form = sign_in_form(action, hidden, was_refused);
    let people: String = people
        .map(|user| {
            format!(
                "<form method=\"post\" action=\"{action}\">{hidden}\
                 <input type=\"hidden\" name=\"user_name\" value=\"{name}\">\
                 <input type=\"hidden\" name=\"user_password\" value=\"{password}\">\
                 <button><span>{display_name}</span><span class=\"role\">{roles}</span>\
                 <span class=\"mono\">{name} / {password}</span></button></form>",
                name = escape(user.user_name),
                password = escape(user.password),
                display_name = escape(&user.display_name),
                roles = escape(&user.roles),
            )
        })
        .collect();
    format!("{form}<h2>Or with one click, as a made-up user</h2><div class=\"people\">{people}</div>")
}

/// Asks for a user name and a password.
pub fn sign_in_form(action: &str, hidden: &str, was_refused: bool) -> String {
    let refusal = if was_refused {
        "<p class=\"bad\" role=\"alert\">User name or password invalid. The made-up users are below.</p>"
    } else {
        ""
    };
    format!(
        "{refusal}<form method=\"post\" action=\"{action}\">{hidden}\
         <label>User name<input name=\"user_name\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" \
         required autofocus></label>\
         <label>Password<input name=\"user_password\" type=\"password\" autocomplete=\"off\" required></label>\
         <button class=\"main\">Sign in</button></form>"
    )
}

/// The roles of a user, for people.
pub fn roles(roles: &[&str]) -> String {
    if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") }
}
