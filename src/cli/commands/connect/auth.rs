//! How a connection signs in, and as whom: the flags, what is saved, and the
//! answers of a person, in this order.

use super::Request;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::app::App;
use crate::model::oauth_client::{ClientId, GrantType, OAuthClient};
use crate::model::profile::{Auth, AuthMethod, InvalidValue, Profile};
use crate::model::user_name::UserName;
use crate::service::servicenow::oauth::sdk_client;

/// How a new connection may sign in, as a person chooses.
const CHOICES: [(&str, Choice); 3] = [
    ("OAuth with ServiceNow's own client   nothing to register; paste a code", Choice::Sdk),
    ("OAuth with a client id of yours      registered on this instance", Choice::Client),
    ("User name and password               many instances refuse it since 2026", Choice::Password),
];

#[derive(Clone, Copy)]
enum Choice {
    Sdk,
    Client,
    Password,
}

impl Request {
    /// How the connection signs in and as whom: the flags, what is saved, and
    /// the answers of a person, in this order.
    pub fn auth(&self, app: &mut App, saved: Option<&Profile>) -> Result<Auth, Failure> {
        let arguments = &self.arguments;
        let saved = saved.map(|saved| &saved.auth);
        let (method, choice) = match self.method(saved)? {
            Some(method) => (method, None),
            None => match ask_method(app)? {
                choice @ (Choice::Sdk | Choice::Client) => (AuthMethod::OAuth, Some(choice)),
                Choice::Password => (AuthMethod::Basic, None),
            },
        };
        let grant = match method {
            AuthMethod::Basic => {
                let saved = saved.filter(|auth| auth.method() == method).and_then(Auth::username);
                let username = match (&arguments.username, saved) {
                    (Some(username), _) => username.clone(),
                    (None, Some(saved)) => saved.clone(),
                    (None, None) => ask_user(app)?,
                };
                return Ok(Auth::Basic { username });
            }
            AuthMethod::OAuth => GrantType::AuthorizationCode,
            AuthMethod::ClientCredentials => GrantType::ClientCredentials,
        };
        let saved = saved.filter(|auth| auth.method() == method);
        let is_sdk = arguments.oauth.sdk_client || matches!(choice, Some(Choice::Sdk));
        let client = match (&arguments.oauth.client_id, saved.and_then(Auth::client)) {
            _ if is_sdk => sdk_client(),
            (Some(id), Some(saved)) if saved.client_id == *id => saved.clone(),
            (Some(id), _) => OAuthClient::new(grant, id.clone()),
            (None, Some(saved)) => saved.clone(),
            (None, None) => OAuthClient::new(grant, ask_client_id(app)?),
        };
        let client = self.with_flags(client)?;
        // Another client may well sign in another user.
        let same_client = saved.and_then(Auth::client).is_some_and(|saved| client.takes_the_session_of(saved));
        let known = saved.filter(|_| same_client).and_then(Auth::username).cloned();
        Ok(Auth::OAuth { client: Box::new(client), username: arguments.username.clone().or(known) })
    }

    /// The method that the flags leave no doubt about, else the saved one.
    fn method(&self, saved: Option<&Auth>) -> Result<Option<AuthMethod>, Failure> {
        let arguments = &self.arguments;
        let oauth_flag = arguments
            .oauth
            .given()
            .or_else(|| arguments.client_secret.is_given().then_some("a client secret"))
            .or_else(|| arguments.browser.manual.then_some("--manual"));
        let password = arguments.password.is_given();
        let contradicts = |what: &'static str, method: AuthMethod| {
            Err(Failure::new(Code::Usage, shown!("{} was given, and {} has none", what, method.as_str()))
                .next("Give --auth and the flags of one way to sign in"))
        };
        let implied = match (oauth_flag, password) {
            (Some(flag), true) => return contradicts(flag, AuthMethod::Basic),
            (Some(_), false) => Some(AuthMethod::OAuth),
            (None, true) => Some(AuthMethod::Basic),
            (None, false) => None,
        };
        let saved = saved.map(Auth::method);
        match (arguments.auth, implied) {
            (Some(AuthMethod::Basic), Some(AuthMethod::OAuth)) => {
                contradicts(oauth_flag.unwrap_or(""), AuthMethod::Basic)
            }
            (Some(method), Some(AuthMethod::Basic)) if method != AuthMethod::Basic => contradicts("a password", method),
            (Some(AuthMethod::ClientCredentials), _) if arguments.browser.manual => {
                contradicts("--manual", AuthMethod::ClientCredentials)
            }
            (Some(method), _) => Ok(Some(method)),
            (None, Some(AuthMethod::OAuth)) if saved == Some(AuthMethod::ClientCredentials) => Ok(saved),
            (None, Some(method)) => Ok(Some(method)),
            (None, None) if saved.is_some() => Ok(saved),
            (None, None) => Ok(arguments.username.as_ref().map(|_| AuthMethod::Basic)),
        }
    }

    fn with_flags(&self, mut client: OAuthClient) -> Result<OAuthClient, Failure> {
        let flags = &self.arguments.oauth;
        if let Some(scope) = &flags.scope {
            client.scope = scope.clone();
        }
        if let Some(redirect_uri) = &flags.redirect_uri {
            client.redirect_uri = redirect_uri.clone();
        }
        client.authorization_url = flags.authorization_url.clone().or(client.authorization_url);
        client.token_url = flags.token_url.clone().or(client.token_url);
        client.revocation_url = flags.revocation_url.clone().or(client.revocation_url);
        client.pkce &= !flags.no_pkce;
        client.check(self.target.instance()).map_err(|error| {
            Failure::new(Code::Usage, Shown::outside(error.to_string()))
                .next("Give a --revocation-url beside the token endpoint")
        })?;
        Ok(client)
    }
}

fn ask_method(app: &mut App) -> Result<Choice, Failure> {
    let Some(person) = app.person() else {
        return Err(Failure::new(Code::NoTerminal, "how to sign in is missing")
            .why("There is no terminal to ask at, or asking was forbidden.")
            .next("Give --username USER, and the password with --password-stdin or --password-file FILE")
            .next("Or sign in by OAuth with --client-id ID"));
    };
    let options = CHOICES.map(|(text, _)| text.to_owned());
    Ok(CHOICES[person.choose("How do you want to sign in?", &options)?].1)
}

fn ask_user(app: &mut App) -> Result<UserName, Failure> {
    ask_until_it_fits(app, "User name", "the instance's, not your developer site's", || {
        Failure::new(Code::NoTerminal, "the user name is missing")
            .next("Give --username USER, and the password with --password-stdin or --password-file FILE")
    })
}

fn ask_client_id(app: &mut App) -> Result<ClientId, Failure> {
    ask_until_it_fits(app, "Client id", "from the Application Registry of the instance", || {
        Failure::new(Code::NoTerminal, "the client id is missing").next("Give --client-id ID")
    })
}

fn ask_until_it_fits<T: std::str::FromStr<Err = InvalidValue>>(
    app: &mut App,
    question: &str,
    hint: &str,
    missing: impl Fn() -> Failure,
) -> Result<T, Failure> {
    let Some(person) = app.person() else {
        return Err(missing().why("There is no terminal to ask at, or asking was forbidden."));
    };
    let mut hint = hint.to_owned();
    loop {
        match person.text(question, None, &hint)?.trim().parse() {
            Ok(value) => return Ok(value),
            Err(error) => hint = error.to_string(),
        }
    }
}
