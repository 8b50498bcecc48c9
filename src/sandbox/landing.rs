//! The pages at the address of the instance, where a person finds out whether a
//! password is right. No session begins there.

use super::answers::Response;
use super::form::Form;
use super::page::{roles, sign_in_form, sign_in_forms, with_policy};
use super::request::Request;
use super::rows::User;
use crate::base::html::escaped as escape;

const SIGN_IN_PATH: &str = "/login.do";

/// The page that every address of an instance shows a person who is not signed in, if
/// it is not one of the API's.
pub fn login_page() -> Response {
    asking(&sign_in_forms(SIGN_IN_PATH, "", false))
}

/// The same as a program meets it in place of an answer: without the made-up users.
pub fn plain_login_page() -> Response {
    asking(&sign_in_form(SIGN_IN_PATH, "", false))
}

/// The answer to the form of that page.
pub fn answer(request: &Request<'_>, origin: &str) -> Option<Response> {
    let form = Form::of(request).filter(|_| request.path == SIGN_IN_PATH)?;
    let name = form.get("user_name").unwrap_or("").trim();
    Some(match User::with_password(name, form.get("user_password").unwrap_or("")) {
        Some(user) => signed_in(user, origin),
        None => asking(&sign_in_forms(SIGN_IN_PATH, "", true)),
    })
}

fn asking(forms: &str) -> Response {
    let content = format!(
        "<h1>Log in</h1>\
         <p class=\"quiet\">See whether a user name and password are right. Programs sign in by themselves.</p>{forms}"
    );
    with_policy(200, "Log in | ServiceNow", &content, "'self'")
}

fn signed_in(user: &User, origin: &str) -> Response {
    let content = format!(
        "<h1>Signed in as {display_name}</h1>\
         <p class=\"quiet\">The user name and password are right. This page keeps no session.</p>\
         <dl><div><dt>User name</dt><dd>{name}</dd></div>\
         <div><dt>Roles</dt><dd>{roles}</dd></div>\
         <div><dt>REST API</dt><dd>{origin}/api/now/table/incident</dd></div></dl>\
         <h2>In a terminal</h2>\
         <code class=\"code\" tabindex=\"0\">snow connect {origin} --username {name}</code>\
         <p><a href=\"/\">Sign in as another user</a></p>",
        display_name = escape(user.display_name),
        name = escape(user.user_name),
        roles = escape(&roles(user.roles)),
        origin = escape(origin),
    );
    with_policy(200, "Signed in | ServiceNow", &content, "'none'")
}
