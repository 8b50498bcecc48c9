//! `snow connect`: define, sign in, save, test. It keeps what was earned.
//!
//! In order: which connection is meant ([`target`]) and how it signs in
//! ([`auth`]); the file and the store are proven; a person sees that the instance answers;
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
use super::sign_in;
use super::sign_in::args::HeaderArgs;
use super::sign_in::flow::{self, NotSignedIn, SignedIn, Wanted};
use super::test::{self, Options};
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::{self, MethodSpec};
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::check::preflight::offer;
use crate::check::report::IdentitySource;
use crate::check::runner::StartedTest;
use crate::config::{ConfigFile, check_enabled};
use crate::model::profile::{Auth, Profile};
use crate::model::user_name::UserName;
use crate::report;
use crate::service::Offer;
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
        return connect(app, &request, None, None, &request.arguments.headers).await;
    };
    check_enabled(saved)?;
    let auth = request.auth(app, Some(saved), None)?;
    let wanted = request.updated(app, saved, auth)?;
    if let Some(conflict) = target::conflict(saved, &wanted) {
        conflict.confirm(app, saved)?;
    }
    let arguments = &request.arguments;
    sign_in::gateway::refuse_passphrase(&wanted, &arguments.secrets)?;
    let spec = MethodSpec::of(wanted.auth.method);
    // In passing a secret is not moved from store to store: it is entered again.
    if arguments.secrets.is_any_given(spec) || method::needs_another_secret(&wanted, saved) {
        connect(app, &request, Some(saved), Some(wanted.auth), &arguments.headers).await
    } else {
        check_known(app, &request, saved, &wanted.auth).await
    }
}

/// Signs in anew and saves.
async fn connect(
    app: &mut App,
    request: &Request,
    saved: Option<&Profile>,
    auth: Option<Auth>,
    headers: &HeaderArgs,
) -> Result<u8, Failure> {
    let (service, instance) = (request.target.service, request.target.instance());
    if let Some(note) = request.target.note() {
        app.console.note(&format!("note: {note}"));
    }
    if saved.is_none() && !service.is_expected(instance) {
        let (host, label) = (instance.host_and_port(), service.defaults().label);
        let question = format!("{host} is not a host of {label}. Connect to it?");
        app.confirm(shown!("signing in at {}, which is not a host of {}", host, label), &question)?;
    }
    app.prove_store(&request.store(app, saved)?, request.target.id).await?;
    let is_unchanged = match (saved, &auth) {
        (Some(saved), Some(auth)) => request.updated(app, saved, auth.clone())? == *saved,
        _ => false,
    };
    // A new secret for an entry that stays needs no place in the file.
    if !is_unchanged {
        request.file.prove()?;
    }
    let given = sign_in::gateway::given(app, headers)?;
    let access = match saved {
        Some(saved) => sign_in::gateway::with_headers(app, saved, given).await?,
        None => given,
    };
    // Before a browser is opened it is done in any case.
    let probes_first = (app.is_interactive() || request.arguments.wait.is_some()) && !request.arguments.no_test;
    let asks_method =
        auth.is_none() && app.is_interactive() && request.method(saved.map(|saved| &saved.auth))?.is_none();
    let offer = if probes_first { preflight(app, request, &access, asks_method).await? } else { None };
    let auth = match auth {
        Some(auth) => auth,
        None => request.auth(app, saved, offer.as_ref())?,
    };
    let profile = request.wanted(app, saved, auth)?;
    let arguments = &request.arguments;
    sign_in::gateway::refuse_passphrase(&profile, &arguments.secrets)?;
    let access = sign_in::gateway::with_certificate(app, &profile, &arguments.secrets, access).await?;
    let wanted = Wanted {
        profile: &profile,
        secrets: &arguments.secrets,
        browser: &arguments.browser,
        access: &access,
        force: arguments.force,
        is_saved: saved.is_some(),
        is_public: false,
        was_probed: probes_first,
        is_tested: !arguments.no_test,
    };
    let mut signed_in = match flow::earn(app, &wanted).await {
        Ok(signed_in) => signed_in,
        Err(not_signed_in) => return refused(app, request, saved, not_signed_in),
    };
    let started = signed_in.started;
    let save = async |app: &mut App, user: Option<UserName>, signed_in: &SignedIn| {
        let name = request.target.name_at(&signed_in.profile.instance, &request.file.load()?);
        let profile = method::belonging_to(Profile { name, ..signed_in.profile.clone() }, user);
        save::save(app, request, profile, &signed_in.origins, &signed_in.credential).await
    };
    let (profile, how) = flow::conclude(app, &wanted, &mut signed_in, save).await?;
    if let Some(farewell) = service.farewell(&profile.auth) {
        let guide = format!("snow guide oauth --spec {}", service.defaults().spec);
        app.console.note(&format!("note: {farewell} What to set up instead: {guide}"));
    }
    match signed_in.test(app, &profile).await? {
        Some(started_test) => finish(app, request, profile, how, started_test, started).await,
        None => Ok(report(app, request, &profile, how, None)),
    }
}

/// Reports a failed sign-in. A saved connection is left unchanged.
fn refused(
    app: &mut App,
    request: &Request,
    saved: Option<&Profile>,
    not_signed_in: NotSignedIn,
) -> Result<u8, Failure> {
    match (saved, not_signed_in.seen) {
        (Some(saved), Some((seen, started))) if app.console.json => {
            let test = sign_in::report(app, saved, seen, started.elapsed());
            Ok(report(app, request, saved, Saved::Unchanged, Some(test)))
        }
        (Some(saved), Some(_)) => {
            let kept = MethodSpec::of(saved.auth.method).kept_label(&saved.auth);
            app.console.note(&format!("The saved {kept} of {} was not changed.", saved.name));
            Err(not_signed_in.failure)
        }
        _ => Err(not_signed_in.failure),
    }
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

/// A known connection without a new secret: updates what was given, tests, and
/// where the credential is the trouble lets a person sign in again.
async fn check_known(app: &mut App, request: &Request, saved: &Profile, auth: &Auth) -> Result<u8, Failure> {
    let (profile, how) = save::update(app, request, saved, auth).await?;
    if request.arguments.no_test {
        return Ok(report(app, request, &profile, how, None));
    }
    let options = Options { wait: request.arguments.wait, ..Options::default() };
    let test = test::test_saved(app, &profile, &options).await?;
    let credential_is_the_trouble = test.failure().is_some_and(|failure| failure.code().is_fixed_by_signing_in());
    if credential_is_the_trouble
        && (app.is_interactive() || sign_in::browser::opens_browser(app, &profile, &request.arguments.browser))
    {
        let text = report::text::report(&test, app.console.err);
        app.console.say(&format!("{text}\n"));
        // The values of headers that were given are saved by now.
        return connect(app, request, Some(&profile), Some(profile.auth.clone()), &HeaderArgs::default()).await;
    }
    Ok(report(app, request, &profile, how, Some(test)))
}

/// Shows a person that the instance answers, before a secret is typed; and if `with_offer`,
/// sees what it shows of its ways to sign in.
async fn preflight(
    app: &mut App,
    request: &Request,
    access: &GatewayAccess,
    with_offer: bool,
) -> Result<Option<Offer>, Failure> {
    let instance = request.target.instance();
    let (ca_cert, proxy) = (request.ca_cert(app), request.proxy(app));
    let (client, _) = app.network.client(instance, ca_cert.as_deref(), proxy.as_deref())?;
    let client = access.added_to(client, instance);
    let seen = sign_in::preflight(app, request.target.service, instance, &client, request.arguments.wait).await?;
    if !with_offer {
        return Ok(None);
    }
    let _progress = app.console.progress(&format!("Looking at what {instance} offers"));
    Ok(offer(request.target.service, &seen, instance, &client, app.deadline()?).await)
}
