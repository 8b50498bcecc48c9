//! The pages a person sees while signing in. They work without scripts, load
//! nothing, and everything from outside is escaped.

use crate::base::html::escaped as escape;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::authorization::AuthorizationRequest;
use crate::sandbox::answers::{self, Response};
use crate::sandbox::rows::{USERS, User};

const STYLE: &str = include_str!("style.css");

/// Allows this one style sheet, and nothing else.
static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(STYLE))));

pub fn sign_in(transaction: &str, request: &AuthorizationRequest, was_refused: bool) -> Response {
    let transaction = escape(transaction);
    let refusal = if was_refused {
        "<p class=\"bad\" role=\"alert\">Invalid user name or password. The made-up users are below.</p>"
    } else {
        ""
    };
    let people: String = USERS
        .iter()
        .map(|user| {
            format!(
                "<form method=\"post\" action=\"/oauth_login.do\">\
                 <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\
                 <input type=\"hidden\" name=\"user_name\" value=\"{name}\">\
                 <input type=\"hidden\" name=\"user_password\" value=\"{password}\">\
                 <button><span>{display_name}</span><span class=\"role\">{roles}</span>\
                 <span class=\"mono\">{name} / {password}</span></button></form>",
                name = escape(user.user_name),
                password = escape(user.password),
                display_name = escape(user.display_name),
                roles = escape(&if user.roles.is_empty() { "no role".to_owned() } else { user.roles.join(", ") }),
            )
        })
        .collect();
    document(
        200,
        "Sign in",
        &format!(
            "<h1>Sign in</h1>\
             <p class=\"quiet\">{client} wants to use this instance as you.</p>{refusal}\
             <form method=\"post\" action=\"/oauth_login.do\">\
             <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\
             <label>User name<input name=\"user_name\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" \
             required autofocus></label>\
             <label>Password<input name=\"user_password\" type=\"password\" autocomplete=\"off\" required></label>\
             <button class=\"main\">Sign in</button></form>\
             <h2>Or pick a made-up user</h2>\
             <div class=\"people\">{people}</div>",
            client = escape(request.client.name),
        ),
        request,
    )
}

pub fn consent(transaction: &str, request: &AuthorizationRequest, user: &User) -> Response {
    let scope = if request.scope.is_empty() { "(none)" } else { &request.scope };
    document(
        200,
        "Allow access?",
        &format!(
            "<h1>Allow {client} to act as you?</h1>\
             <p class=\"quiet\">It can do everything on this instance that {display_name} can, until the sign-in is \
             revoked.</p>\
             <dl><div><dt>Signed in as</dt><dd>{name}</dd></div>\
             <div><dt>Client</dt><dd>{client_id}</dd></div>\
             <div><dt>Scope</dt><dd>{scope}</dd></div>\
             <div><dt>Redirects to</dt><dd>{redirect_uri}</dd></div></dl>\
             <form method=\"post\" action=\"/oauth_consent.do\" class=\"choice\">\
             <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\
             <button name=\"decision\" value=\"deny\">Deny</button>\
             <button name=\"decision\" value=\"allow\" class=\"main\">Allow</button></form>",
            client = escape(request.client.name),
            display_name = escape(user.display_name),
            name = escape(user.user_name),
            client_id = escape(request.client.client_id),
            scope = escape(scope),
            redirect_uri = escape(request.redirect_uri.as_str()),
            transaction = escape(transaction),
        ),
        request,
    )
}

/// Where ServiceNow's own client ends: the code, for the clipboard.
pub fn code_to_paste(code: &str) -> Response {
    plain(
        200,
        "Your code",
        &format!(
            "<h1>Copy this code</h1>\
             <p class=\"quiet\">Click it, copy it, and paste it where the program asks for it. It works once, \
             within a minute.</p>\
             <code class=\"code\" tabindex=\"0\">{}</code>\
             <p class=\"quiet\">Then you can close this page.</p>",
            escape(code)
        ),
    )
}

/// A page that says one thing and ends the way.
pub fn notice(status: u16, title: &str, text: &str) -> Response {
    let (title, text) = (escape(title), escape(text));
    plain(status, &title, &format!("<h1>{title}</h1><p class=\"quiet\">{text}</p>"))
}

fn document(status: u16, title: &str, content: &str, request: &AuthorizationRequest) -> Response {
    let target = request.redirect_uri.form_action().map_or_else(String::new, |source| format!(" {source}"));
    with_policy(status, title, content, &format!("'self'{target}"))
}

fn plain(status: u16, title: &str, content: &str) -> Response {
    with_policy(status, title, content, "'none'")
}

fn with_policy(status: u16, title: &str, content: &str, form_action: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src {}; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_SOURCE
    );
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} | snow sandbox</title><style>{STYLE}</style></head><body><main>\
         <p class=\"sandbox\"><strong>Sandbox.</strong> Everything here is made up.</p>\
         <div class=\"content\">{content}</div></main></body></html>"
    );
    answers::document(status, html).with("Content-Security-Policy", policy).with("Referrer-Policy", "no-referrer")
}
