//! The pages a person sees while signing in.

use super::authorization::AuthorizationRequest;
use crate::base::html::escaped as escape;
use crate::sandbox::answers::Response;
use crate::sandbox::page::{sign_in_forms, with_policy};
use crate::sandbox::rows::User;

pub fn sign_in(transaction: &str, request: &AuthorizationRequest, was_refused: bool) -> Response {
    let hidden = format!("<input type=\"hidden\" name=\"transaction\" value=\"{}\">", escape(transaction));
    let content = format!(
        "<h1>Sign in</h1><p class=\"quiet\">{client} wants to use this instance in your name.</p>{forms}",
        client = escape(request.client.name),
        forms = sign_in_forms("/oauth_login.do", &hidden, was_refused),
    );
    document(200, "Sign in", &content, request)
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
    with_policy(status, &titled(title), content, &format!("'self'{target}"))
}

fn plain(status: u16, title: &str, content: &str) -> Response {
    with_policy(status, &titled(title), content, "'none'")
}

fn titled(title: &str) -> String {
    format!("{title} | snow sandbox")
}
