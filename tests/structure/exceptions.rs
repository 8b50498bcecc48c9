//! What is not yet as it shall be. Entries only ever go.

/// Arrows that go the wrong way.
pub const WRONG_WAY: &[&str] = &[
    "auth::oauth::endpoint -> service::servicenow::seen",
    "auth::oauth::endpoint -> service::servicenow::symptoms",
    "auth::oauth::endpoint -> service::servicenow::token",
    "auth::oauth::session -> cli::signals",
    "auth::oauth::session -> history::state",
    "auth::oauth::session -> service::servicenow::token",
    "doctor::bundle -> report::json",
    "report -> cli::args",
    "report -> cli::console",
    "report::doctor -> cli::console",
    "report::ends -> cli::console",
    "report::fleet -> cli::console",
    "report::junit -> cli::console",
    "report::list -> cli::console",
    "report::markdown -> cli::console",
    "report::text -> cli::console",
    "sandbox::oauth::pages -> auth::oauth::page",
    "sandbox::scenario -> model::profile",
    "service::servicenow::table -> engine",
];

/// Facts of ServiceNow that stand outside its room.
pub const FACTS_ELSEWHERE: &[&str] = &[
    "check::knock: /api/now",
    "http::failure: service-now.com",
    "model::instance: service-now.com",
    "model::oauth_client: oauth_auth.do",
    "model::oauth_client: oauth_token.do",
];
