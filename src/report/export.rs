//! A connection in the forms of other programs: without secrets, with places for them.

use serde::Serialize;

use crate::auth::method::MethodSpec;
use crate::base::shown::visible_json;
use crate::history::json::settings;
use crate::model::profile::{ConnectionId, Profile};

/// An environment of Postman, as Newman reads it too.
#[derive(Serialize)]
struct Environment<'a> {
    id: ConnectionId,
    name: &'a str,
    values: Vec<Variable<'a>>,
    _postman_variable_scope: &'static str,
}

#[derive(Serialize)]
struct Variable<'a> {
    key: &'a str,
    value: String,
    /// `secret` hides the value on the screen alone.
    r#type: &'static str,
    enabled: bool,
}

/// The settings that a collection may refer to.
const SETTINGS: [&str; 7] =
    ["username", "client_id", "scope", "redirect_uri", "authorization_url", "token_url", "header_name"];

/// The environment file of Postman: `{{instance}}`, the settings of the sign-in, and empty
/// secrets.
pub fn postman(profile: &Profile) -> String {
    let setting = |key, value| Variable { key, value, r#type: "default", enabled: true };
    let mut values = vec![setting("instance", profile.instance.origin().to_owned())];
    let own = settings(profile).filter(|own| SETTINGS.contains(&own.key));
    values.extend(own.map(|own| setting(own.key, own.value)));
    let spec = MethodSpec::of(profile.auth.method);
    let token = spec.has_session().then_some("access_token");
    let secrets = spec.secrets.iter().map(|secret| secret.input.item.key).chain(token);
    values.extend(secrets.map(|key| Variable { key, value: String::new(), r#type: "secret", enabled: true }));
    let name = profile.name.as_str();
    indented(&Environment { id: profile.id, name, values, _postman_variable_scope: "environment" })
}

/// JSON for a file.
pub fn indented(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).expect("a document is always JSON");
    visible_json(&text)
}
