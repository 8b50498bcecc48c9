//! The settings and the secret of an OAuth client.

use crate::auth::setting::{Flag, OAUTH_HEADING, Question, SecretInput, Setting};
use crate::model::oauth_client::{OAuthClient, RedirectUri};
use crate::model::profile::{Auth, InvalidValue};
use crate::store::Field;
use crate::store::record::{Owner, SecretItem};

pub static CLIENT_SECRET: SecretInput = SecretInput {
    item: &CLIENT_SECRET_ITEM,
    flag: "client-secret",
    heading: Some(OAUTH_HEADING),
    variable: "SNOW_CLIENT_SECRET",
    variable_file: "SNOW_CLIENT_SECRET_FILE",
    phrase: "a client secret",
};

pub const CLIENT_SECRET_FIELD: Field = Field::new("client-secret", "client secret");

pub static CLIENT_SECRET_ITEM: SecretItem =
    SecretItem { field: CLIENT_SECRET_FIELD, key: "client_secret", owner: Owner::Client };

const fn flag(name: &'static str, value_name: &'static str, help: &'static str) -> Option<Flag> {
    Some(Flag { name, value_name, help, heading: Some(OAUTH_HEADING), means: None })
}

pub static CLIENT_ID: Setting = Setting {
    flag: flag("client-id", "ID", "The client id from the Application Registry of the instance"),
    variable: Some("SNOW_CLIENT_ID"),
    is_required: true,
    binds: true,
    is_guarded: true,
    question: Some(Question {
        text: "Client id",
        hint: "from the Application Registry of the instance",
        what: "client id",
        instead: "Give --client-id ID",
    }),
    ..Setting::plain(
        "client_id",
        "client id",
        |auth| Some(client(auth).client_id.to_string()).filter(|id| !id.is_empty()),
        |auth, text| text.parse().map(|id| client_mut(auth).client_id = id),
        |_| {},
    )
};

pub static SCOPE: Setting = Setting {
    flag: flag("scope", "SCOPE", "Ask for this scope; empty for none [default: {scope}]"),
    variable: Some("SNOW_SCOPE"),
    may_be_empty: true,
    binds: true,
    ..Setting::plain(
        "scope",
        "scope",
        |auth| {
            let client = client(auth);
            Some(client.scope.as_str().to_owned()).filter(|scope| scope != client.defaults.scope)
        },
        |auth, text| text.parse().map(|scope| client_mut(auth).scope = scope),
        |auth| {
            let client = client_mut(auth);
            client.scope = OAuthClient::new(client.grant, client.client_id.clone(), client.defaults).scope;
        },
    )
};

pub static REDIRECT_URI: Setting = Setting {
    flag: flag("redirect-uri", "URI", "The redirect URI that is registered [default: http://127.0.0.1:8914/callback]"),
    ..Setting::plain(
        "redirect_uri",
        "redirect URI",
        |auth| {
            let uri = &client(auth).redirect_uri;
            Some(uri.to_string()).filter(|_| !uri.is_default())
        },
        |auth, text| text.parse().map(|uri| client_mut(auth).redirect_uri = uri),
        |auth| client_mut(auth).redirect_uri = RedirectUri::default(),
    )
};

pub static AUTHORIZATION_URL: Setting = Setting {
    flag: flag("authorization-url", "URL", "Where to sign in, if not at the instance's {authorization}"),
    is_guarded: true,
    ..Setting::plain(
        "authorization_url",
        "authorization endpoint",
        |auth| client(auth).authorization_url.as_ref().map(ToString::to_string),
        |auth, text| text.parse().map(|url| client_mut(auth).authorization_url = Some(url)),
        |auth| client_mut(auth).authorization_url = None,
    )
};

pub static TOKEN_URL: Setting = Setting {
    flag: flag("token-url", "URL", "Where tokens come from, if not from the instance's {token}"),
    variable: Some("SNOW_TOKEN_URL"),
    binds: true,
    is_guarded: true,
    ..Setting::plain(
        "token_url",
        "token endpoint",
        |auth| client(auth).token_url.as_ref().map(ToString::to_string),
        |auth, text| text.parse().map(|url| client_mut(auth).token_url = Some(url)),
        |auth| client_mut(auth).token_url = None,
    )
};

pub static REVOCATION_URL: Setting = Setting {
    flag: flag("revocation-url", "URL", "Where tokens are revoked, if not at {revocation} beside the token endpoint"),
    is_guarded: true,
    ..Setting::plain(
        "revocation_url",
        "revocation endpoint",
        |auth| client(auth).revocation_url.as_ref().map(ToString::to_string),
        |auth, text| text.parse().map(|url| client_mut(auth).revocation_url = Some(url)),
        |auth| client_mut(auth).revocation_url = None,
    )
};

pub static PKCE: Setting = Setting {
    flag: Some(Flag {
        name: "no-pkce",
        value_name: "",
        help: "Sign in without PKCE, for old releases",
        heading: Some(OAUTH_HEADING),
        means: Some("false"),
    }),
    is_switch: true,
    ..Setting::plain(
        "pkce",
        "PKCE",
        |auth| (!client(auth).pkce).then(|| "false".to_owned()),
        |auth, text| {
            client_mut(auth).pkce = text.parse().map_err(|_| InvalidValue("pkce is true or false".to_owned()))?;
            Ok(())
        },
        |auth| client_mut(auth).pkce = true,
    )
};

fn client(auth: &Auth) -> &OAuthClient {
    auth.client().expect("only methods with a client have these settings")
}

fn client_mut(auth: &mut Auth) -> &mut OAuthClient {
    auth.client.as_mut().expect("only methods with a client have these settings")
}
