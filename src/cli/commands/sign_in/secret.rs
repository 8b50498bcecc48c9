//! Signing in with a secret that the instance itself judges: a password, a key.

use std::sync::Arc;
use std::time::Instant;

use super::args::SecretArgs;
use super::flow::Wanted;
use crate::auth::method::{InHand, MethodSpec};
use crate::auth::setting::SecretUse;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::check::context::Plan;
use crate::check::runner::{self, SignIn, StartedTest};
use crate::cli::commands::app::App;
use crate::engine::Connection;
use crate::history::state::State;
use crate::http::client::Client;
use crate::model::profile::{Auth, Profile};
use crate::model::user_name::UserName;
use crate::store::record::Origins;

/// How often a refused secret may be typed again.
const MORE_TRIES: u32 = 2;
/// So many failures in a row lock an account at the instance.
const LOCKOUT: u32 = 5;

/// A secret, and the test that was begun with it: how the instance judged the secret
/// is in there.
pub struct Attempt {
    pub secret: Secret,
    pub started_test: StartedTest,
    /// Where the secret may go from now on.
    pub origins: Origins,
    /// When this secret was sent.
    pub sent: Instant,
}

/// Takes the secret that was handed in, or asks for one.
pub fn new_secret(app: &mut App, auth: &Auth, usage: &SecretUse, given: &SecretArgs) -> Result<Secret, Failure> {
    if let Some(secret) = app.handed_in(given, usage.input)? {
        return Ok(secret);
    }
    match app.person() {
        Some(person) => person.secret(&(usage.question)(auth)),
        None => Err(missing(auth, usage)),
    }
}

/// Nobody can be asked for a secret.
pub fn missing(auth: &Auth, usage: &SecretUse) -> Failure {
    let (label, flag) = (usage.input.item.field.label(), usage.input.flag);
    let what = auth.identity().map_or_else(|| label.to_owned(), |identity| format!("{label} of {identity}"));
    Failure::new(Code::NoTerminal, shown!("the {} is missing", Shown::outside(what)))
        .why("There is no terminal to ask at, or asking was forbidden.")
        .next(shown!("Hand it in with --{}-stdin or --{}-file FILE", flag, flag))
}

/// Sends the secret to the instance. What was typed may be typed again; what was
/// handed in may not.
pub async fn sign_in(
    app: &mut App,
    wanted: &Wanted<'_>,
    usage: &SecretUse,
    mut secret: Secret,
    may_retype: bool,
) -> Result<Attempt, Failure> {
    let profile = wanted.profile;
    let account = account_at_risk(profile);
    let before_lockout = match account {
        Some(user) => (LOCKOUT - 1).saturating_sub(app.state()?.refusals(&profile.instance, user) + 1),
        None => MORE_TRIES,
    };
    let mut tries_left = if may_retype { MORE_TRIES.min(before_lockout) } else { 0 };
    loop {
        let sent = Instant::now();
        let (client, origins) = wanted.client(app)?;
        let connection = connection(app, profile, client, &secret).await;
        let started_test = {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            let plan = Plan::new(profile.tables.clone(), wanted.subject(), app.deadline()?, app.clock());
            runner::begin(Arc::new(connection), plan).await
        };
        let state = app.state()?;
        match started_test.sign_in() {
            SignIn::Good => {
                if let Some(user) = account {
                    let cleared = state.clear_refusals(&profile.instance, user);
                    app.mention_unwritable_state(cleared);
                }
                return Ok(Attempt { secret, started_test, origins, sent });
            }
            SignIn::Unjudged(_) => return Ok(Attempt { secret, started_test, origins, sent }),
            SignIn::Refused(failure) => {
                let is_wrong = failure.code().is_fixed_by_signing_in();
                count_refusal(app, &state, profile, failure);
                let Some(person) = app.person().filter(|_| tries_left > 0 && is_wrong) else {
                    return Ok(Attempt { secret, started_test, origins, sent });
                };
                tries_left -= 1;
                let question = format!("Sign-in failed. {} again", (usage.question)(&profile.auth));
                secret = person.secret(&question)?;
            }
        }
    }
}

/// The user whose account the instance locks after too many refusals.
pub fn account_at_risk(profile: &Profile) -> Option<&UserName> {
    profile.username().filter(|_| MethodSpec::of(profile.auth.method).locks_accounts)
}

/// Counts a secret that may be wrong. Where that cannot be kept, the user
/// must know: nothing will stop the next one.
pub fn count_refusal(app: &App, state: &State, profile: &Profile, failure: &Failure) {
    let Some(user) = account_at_risk(profile).filter(|_| failure.code().is_counted()) else {
        return;
    };
    if let Err(error) = state.record_refusal(&profile.instance, user) {
        app.console.say(&format!("note: refusals cannot be counted, and {LOCKOUT} lock an account: {error}"));
    }
}

/// A connection that signs in with this secret.
async fn connection(app: &App, profile: &Profile, client: Client, secret: &Secret) -> Connection {
    let from_secret = MethodSpec::of(profile.auth.method).from_secret.expect("the secret alone is sent");
    let in_hand = InHand { auth: &profile.auth, secret: secret.clone(), endpoint: None, time: app.time() };
    Connection::of(profile, client, from_secret(in_hand)).await
}
