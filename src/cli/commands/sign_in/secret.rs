//! Signing in with secrets that the instance itself judges: a password, a key.

use std::sync::Arc;
use std::time::Instant;

use super::args::SecretArgs;
use super::flow::Wanted;
use super::{MORE_TRIES, correct};
use crate::auth::method::{InHand, MethodSpec};
use crate::auth::setting::{GivenSecrets, Need, SecretUse};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::check::context::Plan;
use crate::check::runner::{self, SignIn, StartedTest};
use crate::cli::args::at_home;
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::engine::Connection;
use crate::history::state::State;
use crate::http::client::Client;
use crate::model::profile::{Auth, Profile};
use crate::model::user_name::UserName;
use crate::store::Surroundings;
use crate::store::record::{self, Origins};

/// So many failures in a row lock an account at the instance.
const LOCKOUT: u32 = 5;

/// Secrets, and the test that was begun with them: how the instance judged them is in
/// there.
pub struct Attempt {
    /// The connection as it signed in.
    pub profile: Profile,
    pub secrets: GivenSecrets,
    pub started_test: StartedTest,
    /// Where the secrets may go from now on.
    pub origins: Origins,
    /// When they were sent.
    pub sent: Instant,
}

/// Takes the secrets that were handed in, and asks for the others that it takes.
pub fn new_secrets(app: &mut App, auth: &Auth, given: &SecretArgs) -> Result<GivenSecrets, Failure> {
    let mut secrets = GivenSecrets::default();
    for usage in MethodSpec::of(auth.method).secrets {
        if let Some(secret) = new_secret(app, auth, usage, given, &secrets)? {
            secrets.put(usage.input.item, secret);
        }
    }
    Ok(secrets)
}

fn new_secret(
    app: &mut App,
    auth: &Auth,
    usage: &SecretUse,
    given: &SecretArgs,
    before: &GivenSecrets,
) -> Result<Option<Secret>, Failure> {
    let need = (usage.need)(auth, before);
    if let Need::Replaced(key) = need {
        return match given.source(usage.input) {
            Some(_) => Err(replaced(usage, key)),
            None => Ok(None),
        };
    }
    match app.handed_in(given, usage.input)? {
        Some(secret) => Ok(Some(secret)),
        None => ask(app, auth, usage, need),
    }
}

/// The secrets that someone else keeps, where the store of the connection only reads.
/// `None` if it is another one.
pub async fn kept_elsewhere(app: &mut App, wanted: &Wanted<'_>) -> Result<Option<GivenSecrets>, Failure> {
    let profile = wanted.profile;
    let store = app.store(&profile.store)?;
    if !store.is_read_only() {
        return Ok(None);
    }
    if wanted.secrets.is_any_given(wanted.spec()) {
        return Err(Failure::new(Code::Usage, "a secret was given, and the store command only reads")
            .why("Without store_write, what store_read prints is the secret.")
            .next("Leave the secret out, or give --store-write"));
    }
    let (_, origins) = app.network.client_for(profile)?;
    let mut secrets = GivenSecrets::default();
    for usage in wanted.spec().secrets {
        let (item, need) = (usage.input.item, (usage.need)(&profile.auth, &secrets));
        if need.is_required() {
            let secret = record::require_secret(store.as_ref(), profile, item, &origins).await?;
            secrets.put(item, secret);
        }
    }
    Ok(Some(secrets))
}

/// Asks a person for a secret, if the sign-in takes it.
pub fn ask(app: &mut App, auth: &Auth, usage: &SecretUse, need: Need) -> Result<Option<Secret>, Failure> {
    let question = (usage.question)(auth);
    match app.person() {
        _ if need == Need::Unasked => Ok(None),
        Some(_) if need == Need::File => ask_file(app, &question).map(Some),
        Some(person) if need == Need::Optional => person.optional_secret(&question),
        Some(person) => person.secret(&question).map(Some),
        None if need == Need::Optional => Ok(None),
        None => Err(missing(auth, usage)),
    }
}

/// The secret in a file that a person names.
fn ask_file(app: &mut App, question: &str) -> Result<Secret, Failure> {
    loop {
        let person = app.person().expect("a person was there a moment ago");
        let path = person.text(question, None, "its content is saved in the store")?;
        match app.secret_file(&at_home(path.trim().into()), "your answer") {
            Ok(secret) => return Ok(secret),
            Err(failure) => app.complain(failure.message()),
        }
    }
}

/// A setting takes the place of the secret that was handed in.
fn replaced(usage: &SecretUse, key: &'static str) -> Failure {
    let flag = usage.input.flag;
    Failure::new(Code::Usage, shown!("{} was given, but {} is set", usage.input.phrase, key))
        .why("Only one of them can be used.")
        .next(shown!("Leave out --{}-stdin and --{}-file", flag, flag))
        .next(
            Step::say("Or remove the setting of a saved connection first: ")
                .and_run(shown!("snow edit NAME --unset {}", key)),
        )
}

/// There is no person to ask for a secret.
pub fn missing(auth: &Auth, usage: &SecretUse) -> Failure {
    let (label, flag) = (usage.input.item.field.label(), usage.input.flag);
    let what = auth.identity().map_or_else(|| label.to_owned(), |identity| format!("{label} of {identity}"));
    Failure::new(Code::NoTerminal, shown!("the {} is missing", Shown::outside(what))).why(NOBODY_TO_ASK).next(shown!(
        "Give it with --{}-stdin or --{}-file FILE",
        flag,
        flag
    ))
}

/// Sends the secrets to the instance. What was typed may be typed again, and with it the
/// user of a new connection; what was handed in may not.
pub async fn sign_in(app: &mut App, wanted: &Wanted<'_>, mut secrets: GivenSecrets) -> Result<Attempt, Failure> {
    // The first of them is what the instance judges.
    let retyped = wanted.spec().secrets.first().filter(|usage| secrets.get(usage.input.item).is_some());
    let is_kept_elsewhere = app.store(&wanted.profile.store)?.is_read_only();
    let may_retype = retyped.is_some() && !wanted.secrets.is_any_given(wanted.spec()) && !is_kept_elsewhere;
    let mut profile = wanted.profile.clone();
    let mut tries_left = if may_retype { MORE_TRIES } else { 0 };
    let mut codes_left = 1 + MORE_TRIES;
    // With a one-time code, which is good for this sign-in alone.
    let mut with_code: Option<GivenSecrets> = None;
    loop {
        let sent = Instant::now();
        let (client, origins) = wanted.client(app)?;
        let connection = match connection(app, &profile, client, with_code.as_ref().unwrap_or(&secrets)).await {
            Ok(connection) => connection,
            // Nothing was sent: the secret does not open what it is for.
            Err(failure) if failure.code() == Code::InvalidSecret && tries_left > 0 && app.is_interactive() => {
                let Some(usage) = retyped else { return Err(failure) };
                app.complain(&format!("{}. Try again ({tries_left} left).", failure.message()));
                tries_left -= 1;
                type_again(app, &profile, usage, &mut secrets)?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let started_test = {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            let plan = Plan::new(profile.tables.clone(), wanted.subject(), app.deadline()?, app.clock());
            runner::begin(Arc::new(connection), plan).await
        };
        let state = app.state()?;
        let account = account_at_risk(&profile);
        match started_test.sign_in() {
            SignIn::Good => {
                if let Some(user) = account {
                    let cleared = state.clear_refusals(&profile.instance, user);
                    app.mention_unwritable_state(cleared);
                }
                if with_code.is_some() {
                    app.console.say(CODE_IS_NOT_SAVED);
                }
                return Ok(Attempt { profile, secrets, started_test, origins, sent });
            }
            SignIn::Unjudged(_) => return Ok(Attempt { profile, secrets, started_test, origins, sent }),
            SignIn::Refused(failure) => {
                count_refusal(app, &state, &profile, failure);
                let wants_code = failure.code() == Code::MfaRequired;
                if wants_code && codes_left > 0 && app.is_interactive() {
                    if with_code.is_some() {
                        app.complain(&format!("{}. Wrong or expired code? ({codes_left} left)", failure.message()));
                    }
                    codes_left -= 1;
                    with_code = Some(ask_for_code(app, &profile, &secrets)?);
                    continue;
                }
                with_code = None;
                tries_left = tries_left.min(before_lockout(&state, &profile));
                let is_over =
                    wants_code || tries_left == 0 || !failure.code().is_fixed_by_signing_in() || !app.is_interactive();
                let Some(usage) = retyped.filter(|_| !is_over) else {
                    return Ok(Attempt { profile, secrets, started_test, origins, sent });
                };
                app.complain(&format!(
                    "{}. Wrong {}? Try again ({tries_left} left).",
                    failure.message(),
                    usage.input.item.field.label()
                ));
                tries_left -= 1;
                if !wanted.is_saved {
                    correct(app, &mut profile, "username")?;
                }
                type_again(app, &profile, usage, &mut secrets)?;
            }
        }
    }
}

fn type_again(app: &mut App, profile: &Profile, usage: &SecretUse, secrets: &mut GivenSecrets) -> Result<(), Failure> {
    let question = (usage.question)(&profile.auth);
    let person = app.person().expect("a person was there a moment ago");
    secrets.put(usage.input.item, person.secret(&question)?);
    Ok(())
}

/// A saved connection sends no code.
const CODE_IS_NOT_SAVED: &str = "note: the one-time code is not saved, and the instance asks for a new one each time. \
    The saved password alone will be refused, in CI too: use OAuth or client credentials there.";

/// Asks for a one-time code, which the instance takes at the end of the password.
fn ask_for_code(app: &mut App, profile: &Profile, secrets: &GivenSecrets) -> Result<GivenSecrets, Failure> {
    let who = profile.auth.identity().unwrap_or_default().to_owned();
    let person = app.person().expect("a person was there a moment ago");
    let code = person.secret(&format!("One-time code of {who}"))?;
    let mut with_code = secrets.clone();
    for (item, secret) in secrets.iter() {
        let both = secret.followed_by(&code).map_err(|invalid| {
            Failure::new(Code::Usage, shown!("the code cannot be added to the password: {}", invalid))
                .next("Enter the six digits alone")
        })?;
        with_code.put(item, both);
    }
    Ok(with_code)
}

/// How many more refusals the account of the user can take. One try is left to the person.
pub fn before_lockout(state: &State, profile: &Profile) -> u32 {
    match account_at_risk(profile) {
        Some(user) => (LOCKOUT - 1).saturating_sub(state.refusals(&profile.instance, user)),
        None => MORE_TRIES,
    }
}

/// The user whose account the instance locks after too many refusals.
pub fn account_at_risk(profile: &Profile) -> Option<&UserName> {
    profile.username().filter(|_| MethodSpec::of(profile.auth.method).locks_accounts)
}

/// Counts a secret that may be wrong. If that cannot be kept, the user
/// must know: nothing will stop the next one.
pub fn count_refusal(app: &App, state: &State, profile: &Profile, failure: &Failure) {
    let Some(user) = account_at_risk(profile).filter(|_| failure.code().is_counted()) else {
        return;
    };
    if let Err(error) = state.record_refusal(&profile.instance, user) {
        app.console.say(&format!("note: failed sign-ins cannot be counted, and {LOCKOUT} lock an account: {error}"));
    }
}

/// A connection that signs in with these secrets.
async fn connection(
    app: &App,
    profile: &Profile,
    client: Client,
    secrets: &GivenSecrets,
) -> Result<Connection, Failure> {
    let from_secrets = MethodSpec::of(profile.auth.method).from_secrets.expect("the secrets alone are sent");
    let in_hand = InHand { auth: &profile.auth, secrets, endpoint: None, time: app.time() };
    Ok(Connection::of(profile, client, from_secrets(in_hand)?).await)
}
