//! `snow connect`: define, sign in, save, test. It keeps what was earned.
//!
//! In order: which connection is meant ([`target`]) and how it signs in
//! ([`auth`]); the store is proven; a person sees that the instance answers;
//! what is missing is asked for; sign-in; [`save`]; the other tests;
//! [`outcome`]. A crash between any two steps leaves a state that the next
//! run repairs: at worst an entry without its secret.

pub(in crate::cli) mod args;
mod auth;
mod outcome;
mod save;
mod target;

use std::time::Instant;

use super::app::App;
use super::sign_in::password::{self, Attempt};
use super::sign_in::session::{self, SignedIn};
use super::sign_in::{self, NewCredential};
use super::test::{self, Options};
use crate::auth::oauth::page::Page;
use crate::base::error::Failure;
use crate::check::report::IdentitySource;
use crate::check::runner::StartedTest;
use crate::config::ConfigFile;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Subject;
use crate::model::profile::{Auth, Profile};
use crate::model::user_name::UserName;
use crate::report;
use args::ConnectArgs;
use outcome::report;
use save::Saved;
use target::Target;

/// What was asked for.
struct Request {
    arguments: ConnectArgs,
    file: ConfigFile,
    target: Target,
    started: Instant,
}

pub async fn run(app: &mut App, arguments: ConnectArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let started = Instant::now();
    let file = app.config_file()?;
    let target = target::resolve(app, &arguments, &file.load()?)?;
    let request = Request { arguments, file, target, started };
    let Some(saved) = &request.target.saved else {
        return connect(app, &request, None, None).await;
    };
    let auth = request.auth(app, Some(saved))?;
    let wanted = request.updated(app, saved, auth)?;
    if let Some(conflict) = target::conflict(saved, &wanted) {
        conflict.confirm(app, saved)?;
    }
    let arguments = &request.arguments;
    let has_new_secret = arguments.password.is_given() || arguments.client_secret.is_given();
    // A secret is not moved from store to store: it is entered again.
    if has_new_secret || wanted.needs_another_secret_than(saved) {
        connect(app, &request, Some(saved), Some(wanted.auth)).await
    } else {
        check_known(app, &request, saved, &wanted.auth).await
    }
}

/// Signs in anew and saves.
async fn connect(app: &mut App, request: &Request, saved: Option<&Profile>, auth: Option<Auth>) -> Result<u8, Failure> {
    app.prove_store(request.store(app, saved)?, request.target.id).await?;
    // Before a browser is opened it is done in any case.
    let probes_first = (app.is_interactive() || request.arguments.wait.is_some()) && !request.arguments.no_test;
    if probes_first {
        preflight(app, request).await?;
    }
    let auth = match auth {
        Some(auth) => auth,
        None => request.auth(app, saved)?,
    };
    let profile = request.wanted(app, saved, auth)?;
    match profile.auth.clone() {
        Auth::Basic { username } => connect_with_password(app, request, saved, profile, &username).await,
        Auth::OAuth { client, .. } => connect_with_session(app, request, saved, profile, &client, probes_first).await,
    }
}

/// The first request of the test judges the password; then it is saved.
async fn connect_with_password(
    app: &mut App,
    request: &Request,
    saved: Option<&Profile>,
    profile: Profile,
    username: &UserName,
) -> Result<u8, Failure> {
    let arguments = &request.arguments;
    let password = password::new_password(app, username, &arguments.password)?;
    if arguments.no_test {
        let (_, origins) = app.network.client_for(&profile)?;
        let (profile, how) = save::save(app, request, profile, &origins, &NewCredential::Password(password)).await?;
        return Ok(report(app, request, &profile, how, None));
    }
    let may_retype = !arguments.password.is_given();
    let Attempt { password, mut started_test, origins, sent } =
        password::sign_in(app, &profile, username, password, may_retype, subject_of(saved)).await?;
    if let Some(failure) = started_test.not_signed_in().cloned() {
        // The saved connection stays as it is; the one document says so.
        return match saved.filter(|_| app.console.json) {
            Some(saved) => {
                let test = sign_in::report(app, saved, started_test.finish().await, sent.elapsed());
                Ok(report(app, request, saved, Saved::Unchanged, Some(test)))
            }
            None => {
                if let Some(saved) = saved {
                    app.console.note(&format!("The saved password of {} was kept.", saved.name));
                }
                Err(failure)
            }
        };
    }
    if saved.is_some() {
        sign_in::confirm_identity(app, &profile, &mut started_test, arguments.force).await?;
    }
    let (profile, how) = save::save(app, request, profile, &origins, &NewCredential::Password(password)).await?;
    finish(app, request, profile, how, started_test, sent).await
}

/// The token answer judges; it is saved, and then tested.
async fn connect_with_session(
    app: &mut App,
    request: &Request,
    saved: Option<&Profile>,
    profile: Profile,
    client: &OAuthClient,
    was_probed: bool,
) -> Result<u8, Failure> {
    let arguments = &request.arguments;
    if client.grant == GrantType::AuthorizationCode {
        session::look_before_browser(app, &profile, client, was_probed).await?;
    }
    let secret = session::client_secret(app, &profile, client, &arguments.client_secret, saved.is_some()).await?;
    let subject = subject_of(saved);
    let signed_in = session::sign_in(app, &profile, client, secret, &arguments.browser, subject.clone()).await;
    let mut signed_in = match (signed_in, saved) {
        (Ok(signed_in), _) => signed_in,
        // The saved connection stays as it is; the one document says so.
        (Err(failure), Some(saved)) if app.console.json => {
            let test = sign_in::report(app, saved, sign_in::no_token(&failure), request.started.elapsed());
            return Ok(report(app, request, saved, Saved::Unchanged, Some(test)));
        }
        (Err(failure), _) => return Err(failure),
    };
    let browser = signed_in.browser.take();
    let result = save_session(app, request, profile, subject, &signed_in).await;
    if let Some(browser) = browser {
        let page = match &result {
            Ok((profile, ..)) => Page::signed_in(profile.name.as_str(), &profile.instance.host_and_port()),
            Err(failure) => Page::failed(&session::sentence(failure.message())),
        };
        browser.show(page).await;
    }
    let (profile, how, started_test) = result?;
    if arguments.no_test {
        return Ok(report(app, request, &profile, how, None));
    }
    let started_test = match started_test {
        Some(started_test) => started_test,
        None => signed_in.begin(app, &profile, Subject::Saved(profile.name.clone())).await?,
    };
    finish(app, request, profile, how, started_test, signed_in.started).await
}

/// Where the connection has a user, the identity is read before the save.
async fn save_session(
    app: &mut App,
    request: &Request,
    profile: Profile,
    subject: Subject,
    signed_in: &SignedIn,
) -> Result<(Profile, Saved, Option<StartedTest>), Failure> {
    let mut started_test = None;
    let mut profile = profile;
    if profile.username().is_some() && !request.arguments.no_test {
        let started_test = started_test.insert(signed_in.begin(app, &profile, subject).await?);
        let identity = sign_in::confirm_identity(app, &profile, started_test, request.arguments.force).await?;
        profile = profile.belonging_to(identity);
    }
    let (profile, how) = save::save(app, request, profile, &signed_in.origins, &signed_in.credential).await?;
    Ok((profile, how, started_test))
}

/// The other tests, and what is said in the end.
async fn finish(
    app: &mut App,
    request: &Request,
    profile: Profile,
    how: Saved,
    started_test: StartedTest,
    sent: Instant,
) -> Result<u8, Failure> {
    let results = {
        let _progress = app.console.progress(&format!("Testing {}", profile.name));
        started_test.finish().await
    };
    let test = sign_in::report(app, &profile, results, sent.elapsed());
    let profile = match test.identity.as_ref().filter(|identity| identity.source == IdentitySource::Instance) {
        Some(identity) => save::complete(request, profile, &identity.user_name)?,
        None => profile,
    };
    test::remember(app, &profile, &test)?;
    Ok(report(app, request, &profile, how, Some(test)))
}

fn subject_of(saved: Option<&Profile>) -> Subject {
    saved.map_or(Subject::New, |saved| Subject::Saved(saved.name.clone()))
}

/// A known connection without a new secret: updates what was given, tests, and
/// where the credential is the trouble lets a person sign in again.
async fn check_known(app: &mut App, request: &Request, saved: &Profile, auth: &Auth) -> Result<u8, Failure> {
    let (profile, how) = save::update(app, request, saved, auth)?;
    if request.arguments.no_test {
        return Ok(report(app, request, &profile, how, None));
    }
    let options = Options { wait: request.arguments.wait, ..Options::default() };
    let test = test::test_saved(app, &profile, &options).await?;
    let credential_is_the_trouble = test.failure().is_some_and(|failure| failure.code().is_mended_by_a_sign_in());
    if credential_is_the_trouble
        && (app.is_interactive() || sign_in::browser::opens_browser(app, &profile, &request.arguments.browser))
    {
        let text = report::text::report(&test, app.console.err);
        app.console.say(&format!("{text}\n"));
        return connect(app, request, Some(&profile), Some(profile.auth.clone())).await;
    }
    Ok(report(app, request, &profile, how, Some(test)))
}

/// Shows a person that the instance answers, before a secret is typed.
async fn preflight(app: &mut App, request: &Request) -> Result<(), Failure> {
    let instance = request.target.instance();
    let (ca_cert, proxy) = (request.ca_cert(app), request.proxy(app));
    let (client, _) = app.network.client(instance, ca_cert.as_deref(), proxy.as_deref())?;
    sign_in::preflight(app, instance, &client, request.arguments.wait).await
}
