//! Who is signed in: `GET /api/now/ui/user/current_user`.
//!
//! The endpoint is undocumented, but ServiceNow's own SDK calls it. Only where
//! it does not exist (404) `sys_user` is asked, and then exactly one row must
//! come: a query term that the instance drops would match strangers.

use serde_json::Value;

use super::classify::{Body, ClassifiedResponse};
use crate::base::shown::Shown;
use crate::model::profile::TableName;

/// The path of the question.
pub const CURRENT_USER: &str = "/api/now/ui/user/current_user";
/// The user of requests without a sign-in.
pub const GUEST: &str = "guest";
/// Why such an answer is no proof of a sign-in.
pub const IS_GUEST: &str = "It reports the user as guest, the user of unauthenticated requests.";
pub const IS_NOT_LOGGED_IN: &str = "It named a user, but X-Is-Logged-In is false: no user is signed in.";
/// The query for one's own row of `sys_user`.
pub const OWN_ROW: &str = "user_name=javascript:gs.getUserName()";

/// The table of users, which every instance has.
pub fn users() -> TableName {
    "sys_user".parse().expect("sys_user is a table name")
}

/// The user name that the instance gave, or nothing that can be trusted.
pub fn read_user_name(response: &ClassifiedResponse<'_>) -> Option<Shown> {
    let Body::Result(result) = &response.body else {
        return None;
    };
    if response.status() != 200 {
        return None;
    }
    let user = match result {
        Value::Array(rows) if rows.len() == 1 => &rows[0],
        Value::Object(_) => result,
        _ => return None,
    };
    let name = user.get("user_name")?.as_str()?.trim();
    (!name.is_empty()).then(|| response.redactor.server_text(name))
}

/// The one row of `sys_user` in an answer, whatever it holds.
pub fn own_row(response: &ClassifiedResponse<'_>) -> Option<Value> {
    match &response.body {
        Body::Result(Value::Array(rows)) if response.status() == 200 && rows.len() == 1 => rows.first().cloned(),
        _ => None,
    }
}
