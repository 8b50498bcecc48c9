//! What is not yet as it shall be. Entries only ever go.

/// Arrows that go the wrong way.
pub const WRONG_WAY: &[&str] = &[
    "connection::oauth::endpoint -> servicenow::seen",
    "connection::oauth::endpoint -> servicenow::symptoms",
    "connection::oauth::endpoint -> servicenow::token",
    "connection::oauth::session -> servicenow::token",
    "connection::oauth::session -> signals",
    "connection::oauth::session -> state",
    "connection::oauth::tokens -> credentials::record",
    "connection::profile -> connection::basic",
    "credentials::environment -> context",
    "credentials::record -> connection::basic",
    "doctor -> browser",
    "doctor -> context",
    "doctor::bundle -> output::json",
    "doctor::surroundings -> browser",
    "output -> cli",
    "output -> console",
    "output::doctor -> console",
    "output::ends -> console",
    "output::fleet -> console",
    "output::junit -> console",
    "output::list -> console",
    "output::markdown -> console",
    "output::text -> console",
    "sandbox::oauth::pages -> connection::oauth::page",
    "sandbox::scenario -> connection::profile",
    "servicenow::table -> connection",
];

/// Facts of ServiceNow that stand outside its room.
pub const FACTS_ELSEWHERE: &[&str] = &[
    "check::knock: /api/now",
    "connection::instance: service-now.com",
    "connection::oauth::client: oauth_auth.do",
    "connection::oauth::client: oauth_token.do",
    "http::failure: service-now.com",
];
