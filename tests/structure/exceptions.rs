//! What is not yet as it shall be. Entries only ever go.

/// Arrows that go the wrong way.
pub const WRONG_WAY: &[&str] = &[
    "auth::oauth::endpoint -> service::servicenow::classify",
    "auth::oauth::endpoint -> service::servicenow::symptoms",
    "auth::oauth::endpoint -> service::servicenow::token",
    "auth::oauth::session -> history::state",
    "auth::oauth::session -> service::servicenow::token",
];

/// Facts of ServiceNow that stand outside its room.
pub const FACTS_ELSEWHERE: &[&str] = &[
    "http::failure: service-now.com",
    "model::instance: service-now.com",
    "model::oauth_client: oauth_auth.do",
    "model::oauth_client: oauth_token.do",
];
