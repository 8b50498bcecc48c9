//! An access token that another program gets: it is handed in, or printed by a command
//! that is run when a token is needed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde::Deserialize;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::credential::{Credential, CredentialKind, Given, Signature, Token, TokenAge, TokenLife, bearer};
use super::method::{InHand, MethodSpec, Renewal, Stored};
use super::setting::{Flag, LEARNT_USER_NAME, Need, SecretInput, SecretUse, Setting};
use super::token_command::TokenCommand;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::{Time, timestamp};
use crate::http::client::Deadline;
use crate::model::command::{command_of, command_text};
use crate::model::profile::{Auth, AuthMethod, ConnectionName};
use crate::store::Field;
use crate::store::record::{Owner, SecretItem, require_secret};

const FIELD: Field = Field::new("access-token", "access token");

static ITEM: SecretItem = SecretItem { field: FIELD, key: "access_token", owner: Owner::Nobody };

static INPUT: SecretInput = SecretInput {
    item: &ITEM,
    flag: "access-token",
    heading: None,
    variable: "SNOW_ACCESS_TOKEN",
    variable_file: "SNOW_ACCESS_TOKEN_FILE",
    phrase: "an access token",
};

const COMMAND_KEY: &str = "access_token_command";

static COMMAND: Setting = Setting {
    flag: Some(Flag {
        name: "access-token-command",
        value_name: "",
        help: "Run the command behind -- for an access token, whenever one is needed",
        heading: None,
        means: None,
    }),
    is_command: true,
    binds: true,
    is_guarded: true,
    ..Setting::plain(
        COMMAND_KEY,
        "command for the access token",
        |auth| auth.settings.get(COMMAND_KEY).cloned(),
        |auth, text| {
            let command = command_of(text)?;
            auth.settings.insert(COMMAND_KEY, command_text(&command));
            Ok(())
        },
        |auth| drop(auth.settings.remove(COMMAND_KEY)),
    )
};

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("token", "access token"),
    phrase: "an access token",
    grant: None,
    settings: &[&LEARNT_USER_NAME, &COMMAND],
    secrets: &[SecretUse {
        input: &INPUT,
        need: |auth, _| if has_command(auth) { Need::Replaced(COMMAND_KEY) } else { Need::Required },
        question: |_| "Access token".to_owned(),
    }],
    secret_label: "access token",
    needs: |auth| (!has_command(auth)).then_some(FIELD),
    items: &[FIELD],
    renewal: Renewal::None,
    locks_accounts: false,
    given: Given::Token,
    is_saved: true,
    has_variables: true,
    choice: Some((5, "Access token                     of an identity provider")),
    open: |stored| open(stored).boxed(),
    from_secrets: Some(|InHand { auth, secrets, time, .. }| {
        Ok(match command(auth, None) {
            Some(command) => Box::new(CommandToken::new(command, time)),
            None => Box::new(AccessToken::given(secrets.required(&ITEM), None, time)),
        })
    }),
};

fn has_command(auth: &Auth) -> bool {
    auth.settings.contains_key(COMMAND_KEY)
}

fn command(auth: &Auth, name: Option<&ConnectionName>) -> Option<TokenCommand> {
    let text = auth.settings.get(COMMAND_KEY)?;
    let arguments = command_of(text).expect("it was checked where it came in");
    Some(TokenCommand::new(arguments, name.cloned()))
}

async fn open(Stored { profile, store, origins, time, .. }: Stored<'_>) -> Result<Box<dyn Credential>, Failure> {
    if let Some(command) = command(&profile.auth, Some(&profile.name)) {
        return Ok(Box::new(CommandToken::new(command, time)));
    }
    let token = require_secret(store.as_ref(), profile, &ITEM, &origins).await?;
    Ok(Box::new(AccessToken::given(token, Some(profile.name.clone()), time)))
}

/// When a token ends by its own word, if it is a JWT that says so. The signature is not
/// checked: it is good for a warning, and proves nothing.
fn end_of(token: &Secret) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let mut parts = token.expose().split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    // A date beyond the year 9999 is nonsense.
    #[expect(clippy::cast_possible_truncation, reason = "it was compared before")]
    (0.0..253_402_300_800.0).contains(&exp).then(|| DateTime::from_timestamp(exp as i64, 0))?
}

/// A token that stays as it is.
pub struct AccessToken {
    access_token: Secret,
    expires_at: Option<DateTime<Utc>>,
    kind: CredentialKind,
    /// Set if another program got it: whose it is, and the clock that it is judged by.
    given: Option<(Option<ConnectionName>, Arc<dyn Time>)>,
}

impl AccessToken {
    /// One that another program got.
    fn given(access_token: Secret, name: Option<ConnectionName>, time: Arc<dyn Time>) -> Self {
        let kind = CredentialKind::AccessToken { spec: &SPEC, age: TokenAge::Given };
        Self { expires_at: end_of(&access_token), access_token, kind, given: Some((name, time)) }
    }

    /// One that this run got by signing in as `spec` says. `expires_at` is `None` if the
    /// server did not say.
    pub fn new(spec: &'static MethodSpec, access_token: Secret, expires_at: Option<DateTime<Utc>>) -> Self {
        let kind = CredentialKind::AccessToken { spec, age: TokenAge::New };
        Self { access_token, expires_at, kind, given: None }
    }
}

#[async_trait]
impl Credential for AccessToken {
    fn kind(&self) -> CredentialKind {
        self.kind
    }

    async fn sign(&self) -> Signature {
        Signature { headers: bearer(&self.access_token), generation: None }
    }

    async fn secrets(&self) -> Vec<Secret> {
        vec![self.access_token.clone()]
    }

    async fn ensure_fresh(&self, _: Duration, _: Deadline) -> Result<(), Failure> {
        match (&self.given, self.expires_at) {
            (Some((name, time)), Some(at)) if at <= time.now() => Err(ended(name.as_ref(), at)),
            _ => Ok(()),
        }
    }

    async fn token(&self) -> Option<Token> {
        let life = TokenLife { expires_at: self.expires_at, refreshed: false };
        Some(Token { access_token: self.access_token.clone(), life })
    }
}

fn ended(name: Option<&ConnectionName>, at: DateTime<Utc>) -> Failure {
    let why = "By its own word it ended then. It was not sent.";
    let at = Shown::outside(timestamp(at));
    match name {
        Some(name) => Failure::new(Code::SessionExpired, shown!("the access token of {} expired at {}", name, &at))
            .why(why)
            .next(Step::run(shown!("snow login {} --access-token-stdin", name))),
        None => Failure::new(Code::SessionExpired, shown!("the access token expired at {}", &at))
            .why(why)
            .next("Get a new one from the program that issued it"),
    }
    .evidence("expired_at", at)
}

/// A token that a command prints. The lock is held while it runs, so that requests at the
/// same time cause one run.
struct CommandToken {
    command: TokenCommand,
    time: Arc<dyn Time>,
    held: Mutex<Held>,
}

/// The token in hand.
#[derive(Default)]
struct Held {
    token: Option<(Secret, Option<DateTime<Utc>>)>,
    /// How often the command was run.
    runs: u64,
    /// The run that brought the token.
    came_by: u64,
}

impl Held {
    fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.token.as_ref().and_then(|(_, ends_at)| *ends_at)
    }

    async fn replace(&mut self, command: &TokenCommand, deadline: Deadline) -> Result<(), Failure> {
        self.runs += 1;
        let token = command.run(deadline.left()).await?;
        if self.token.as_ref().is_none_or(|(former, _)| former.expose() != token.expose()) {
            self.came_by = self.runs;
            let ends_at = end_of(&token);
            self.token = Some((token, ends_at));
        }
        Ok(())
    }
}

impl CommandToken {
    fn new(command: TokenCommand, time: Arc<dyn Time>) -> Self {
        Self { command, time, held: Mutex::default() }
    }
}

#[async_trait]
impl Credential for CommandToken {
    fn kind(&self) -> CredentialKind {
        CredentialKind::AccessToken { spec: &SPEC, age: TokenAge::Given }
    }

    async fn sign(&self) -> Signature {
        let held = self.held.lock().await;
        let headers = held.token.as_ref().map(|(token, _)| bearer(token)).unwrap_or_default();
        Signature { headers, generation: Some(held.runs) }
    }

    async fn secrets(&self) -> Vec<Secret> {
        self.held.lock().await.token.iter().map(|(token, _)| token.clone()).collect()
    }

    async fn ensure_fresh(&self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        let life = TokenLife { expires_at: held.ends_at(), refreshed: true };
        let is_over = held.ends_at().is_some_and(|at| at <= self.time.now());
        if held.token.is_some() && !is_over && life.lasts(self.time.now(), min_ttl) {
            return Ok(());
        }
        held.replace(&self.command, deadline).await?;
        match held.ends_at() {
            Some(at) if at <= self.time.now() => Err(self.command.printed_an_old_token(at)),
            _ => Ok(()),
        }
    }

    async fn renew_refused(&self, generation: u64, deadline: Deadline) -> bool {
        let mut held = self.held.lock().await;
        // Another request may have had it run since this one was signed.
        if held.runs == generation
            && let Err(failure) = held.replace(&self.command, deadline).await
        {
            tracing::info!("no other access token: {}", failure.message());
        }
        held.came_by > generation
    }

    async fn renew(&self, deadline: Deadline) -> Option<Result<(), Failure>> {
        Some(self.ensure_fresh(Duration::MAX, deadline).await)
    }

    async fn token(&self) -> Option<Token> {
        let held = self.held.lock().await;
        let (access_token, expires_at) = held.token.clone()?;
        Some(Token { access_token, life: TokenLife { expires_at, refreshed: true } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(claims: &str) -> Option<i64> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        end_of(&Secret::new(token).unwrap()).map(|at| at.timestamp())
    }

    #[test]
    fn the_end_of_a_token_is_its_own_word_and_nothing_else_is_one() {
        assert_eq!(end(r#"{"exp":1764288000,"sub":"x"}"#), Some(1_764_288_000));
        assert_eq!(end(r#"{"exp":1764288000.5}"#), Some(1_764_288_000));
        for claims in [r#"{"exp":"soon"}"#, r#"{"exp":-1}"#, r#"{"exp":1e300}"#, r"{}", "[]", "x"] {
            assert_eq!(end(claims), None, "{claims}");
        }
        for token in ["opaque", "a.b", "a.b.c.d", "..", "a.!.c"] {
            assert_eq!(end_of(&Secret::new(token.to_owned()).unwrap()), None, "{token}");
        }
    }
}
