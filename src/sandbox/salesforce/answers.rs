//! The shapes in which an org answers: an array of errors for data, an object for OAuth,
//! XML for SOAP, and here and there plain text.

use serde_json::{Value, json};

use crate::sandbox::answers::{Response, json_answer, typed};

/// An error of the REST API.
pub fn errors(status: u16, code: &str, message: &str) -> Response {
    json_answer(status, &json!([{ "message": message, "errorCode": code }]))
}

/// The same, naming fields.
pub fn errors_in(fields: &[&str], code: &str, message: &str) -> Response {
    json_answer(400, &json!([{ "message": message, "errorCode": code, "fields": fields }]))
}

pub fn not_found() -> Response {
    errors(404, "NOT_FOUND", "The requested resource does not exist")
}

pub fn not_allowed(method: &str, allowed: &str) -> Response {
    let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
    errors(405, "METHOD_NOT_ALLOWED", &message).with("Allow", allowed)
}

pub fn dead_session() -> Response {
    errors(401, "INVALID_SESSION_ID", "Session expired or invalid").with("WWW-Authenticate", "Token")
}

/// An error of an OAuth endpoint.
pub fn oauth_error(status: u16, error: &str, description: &str) -> Response {
    json_answer(status, &json!({ "error": error, "error_description": description }))
}

/// The same in a form, as the endpoint for revocation answers.
pub fn form_error(error: &str, description: &str) -> Response {
    let pairs = [("error", error), ("error_description", description)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    typed(400, "application/x-www-form-urlencoded", body)
}

pub fn plain(status: u16, body: &str) -> Response {
    typed(status, "text/html;charset=UTF-8", body.to_owned())
}

pub fn ok(body: &Value) -> Response {
    json_answer(200, body)
}

/// An answer as it leaves the edge, which knows nothing of the other service.
pub fn of_the_edge(mut answer: Response) -> Response {
    let is_ours = |name: &str| !matches!(name, "Server" | "Server-Timing" | "Cache-Control");
    answer.headers.retain(|(name, _)| is_ours(name));
    answer.with("Server", "sfdcedge").with("Cache-Control", "no-cache,must-revalidate,max-age=0,no-store,private")
}
