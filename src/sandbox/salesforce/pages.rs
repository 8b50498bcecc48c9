//! What a person sees of the org: its address, and the pages of a sign-in.

use super::answers::plain;
use super::authorization::{AuthorizationRequest, Refused};
use super::people::{Access, USERS, User};
use crate::base::html::escaped as escape;
use crate::sandbox::answers::{Response, redirect};
use crate::sandbox::form::Form;
use crate::sandbox::page::{Person, sign_in_forms_of, with_policy};
use crate::sandbox::request::Request;

/// Where the form of a sign-in goes.
pub const LOGIN_PATH: &str = "/login";
/// Where the answer to the question for consent goes.
pub const CONSENT_PATH: &str = "/setup/secur/RemoteAccessAuthorizationPage.apexp";

/// The page at the address of the org.
pub fn landing(origin: &str) -> Response {
    let content = format!(
        "<h1>Log in</h1>\
         <p class=\"quiet\">See whether a user name and password are right. Programs sign in by themselves.</p>{forms}\
         <h2>In a terminal</h2><code class=\"code\" tabindex=\"0\">curl {origin}/services/data</code>",
        forms = forms("", false),
        origin = escape(origin),
    );
    with_policy(200, "Login | Salesforce", &content, "'self'")
}

/// The answer to the form of that page, where no program asked for a sign-in.
pub fn signed_in(form: &Form) -> Response {
    let content = match user(form) {
        Some(user) => format!(
            "<h1>Signed in as {name}</h1><p class=\"quiet\">The user name and password are right. This page keeps no \
             session.</p><dl><div><dt>Username</dt><dd>{user_name}</dd></div>\
             <div><dt>Profile</dt><dd>{profile}</dd></div>\
             <div><dt>Security token</dt><dd>{token}</dd></div></dl><p><a href=\"/\">Sign in as another user</a></p>",
            name = escape(&user.name()),
            user_name = escape(user.user_name),
            profile = escape(user.profile),
            token = escape(user.security_token),
        ),
        None => format!("<h1>Log in</h1>{}", forms("", true)),
    };
    with_policy(200, "Salesforce", &content, "'self'")
}

/// The user whose name and password are in a form.
pub fn user(form: &Form) -> Option<&'static User> {
    User::with_password(form.get("user_name")?.trim(), form.get("user_password")?)
}

pub fn sign_in(transaction: &str, request: &AuthorizationRequest, was_refused: bool) -> Response {
    let hidden = format!("<input type=\"hidden\" name=\"transaction\" value=\"{}\">", escape(transaction));
    let content = format!(
        "<h1>Log in</h1><p class=\"quiet\">{client} wants to use this org in your name.</p>{forms}",
        client = escape(request.client.name),
        forms = forms(&hidden, was_refused),
    );
    with_policy(200, "Login | Salesforce", &content, &sources(request))
}

pub fn consent(transaction: &str, request: &AuthorizationRequest, user: &User) -> Response {
    let content = format!(
        "<h1>Allow access?</h1><p class=\"quiet\">{client} is asking to act for {name}.</p>\
         <dl><div><dt>Username</dt><dd>{user_name}</dd></div><div><dt>Scope</dt><dd>{scope}</dd></div>\
         <div><dt>Redirects to</dt><dd>{redirect_uri}</dd></div></dl>\
         <form method=\"post\" action=\"{CONSENT_PATH}\" class=\"choice\">\
         <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\
         <button name=\"decision\" value=\"deny\">Deny</button>\
         <button name=\"decision\" value=\"allow\" class=\"main\">Allow</button></form>",
        client = escape(request.client.name),
        name = escape(&user.name()),
        user_name = escape(user.user_name),
        scope = escape(&request.scope),
        redirect_uri = escape(&request.redirect_uri),
        transaction = escape(transaction),
    );
    with_policy(200, "Allow access? | Salesforce", &content, &sources(request))
}

/// A request for which there will be no code.
pub fn refused(refused: Refused) -> Response {
    match refused {
        Refused::Here(error, description) => {
            let description = description.replace(' ', "%20");
            plain(400, &format!("error={error}&error_description={description}"))
        }
        Refused::There(location) => redirect(location),
    }
}

/// The page on which the sign-in of an app ends that is not installed.
pub fn blocked() -> Response {
    notice(
        200,
        "OAUTH_APPROVAL_ERROR_GENERIC : An unexpected error has occured during authentication. Please try again.",
    )
}

pub fn start_again() -> Response {
    notice(400, "This sign-in has ended. Start again from the program.")
}

pub fn missing(request: &Request<'_>) -> Response {
    notice(404, &format!("URL No Longer Exists: {}", request.path))
}

fn notice(status: u16, text: &str) -> Response {
    with_policy(status, "Salesforce", &format!("<h1>Salesforce</h1><p>{}</p>", escape(text)), "'none'")
}

fn forms(hidden: &str, was_refused: bool) -> String {
    let people = USERS.iter().map(|user| {
        let note = match user.access {
            Access::Full => "",
            Access::Frozen => ", frozen",
            Access::PasswordExpired => ", password expired",
            Access::NoApi => ", without API Enabled",
        };
        let roles = format!("{}{note}", user.profile);
        Person { user_name: user.user_name, password: user.password, display_name: user.name(), roles }
    });
    sign_in_forms_of(people, LOGIN_PATH, hidden, was_refused)
}

/// Where the forms of a sign-in may lead: browsers hold the redirect after a form against
/// it as well.
fn sources(request: &AuthorizationRequest) -> String {
    let origin = url::Url::parse(&request.redirect_uri).map(|url| url.origin().ascii_serialization());
    format!("'self' {}", origin.unwrap_or_default())
}
