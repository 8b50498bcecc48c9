//! `snow connect`: define, sign in, save, test. It keeps what was earned.
//!
//! In order: which connection is meant ([`target`]); the store is proven; a
//! person sees that the instance answers; what is missing is asked for;
//! sign-in; [`save`]; the other tests; [`mod@report`]. A crash between any two
//! steps leaves a state that the next run repairs: at worst an entry without
//! its secret.

mod report;
mod save;
mod target;

use std::time::Instant;

use super::app::App;
use super::sign_in::{self, Attempt};
use super::test::{self, Found, Options};
use crate::cli::ConnectArgs;
use crate::config::ConfigFile;
use crate::connection::basic::UserName;
use crate::connection::profile::Profile;
use crate::error::{Class, Code, Failure};
use crate::output;
use crate::output::text::took;
use crate::server_text::Redactor;
use crate::servicenow::seen::{Asked, Body, Seen, Subject};
use crate::servicenow::symptoms::diagnose;
use report::report;
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
        return connect(app, &request, None).await;
    };
    let wanted = request.updated(app, saved)?;
    let has_new_secret = request.arguments.password.is_given();
    // A secret is not moved from store to store: it is entered again.
    let is_moved = wanted.store != saved.store;
    match has_new_secret || is_moved || wanted.needs_another_secret_than(saved) {
        true => connect(app, &request, Some(saved)).await,
        false => check_known(app, &request, saved).await,
    }
}

/// Signs in with a new password and saves.
async fn connect(app: &mut App, request: &Request, saved: Option<&Profile>) -> Result<u8, Failure> {
    let arguments = &request.arguments;
    app.prove_store(request.store(app, saved)?, request.target.id)?;
    if app.is_interactive() && !arguments.no_test {
        knock(app, request).await?;
    }
    let username = match (&arguments.username, saved) {
        (Some(username), _) => username.clone(),
        (None, Some(saved)) => saved.username.clone(),
        (None, None) => ask_user(app)?,
    };
    let profile = request.wanted(app, saved, username)?;
    let password = sign_in::new_password(app, &profile, &arguments.password)?;
    if arguments.no_test {
        let (_, origins) = app.client_for(&profile)?;
        let (profile, how) = save::save(app, request, profile, &origins, &password)?;
        return Ok(report(app, request, &profile, how, None));
    }
    let subject = saved.map_or(Subject::New, |saved| Subject::Saved(saved.name.clone()));
    let may_retype = !arguments.password.is_given();
    let Attempt { password, mut begun, origins, sent } =
        sign_in::sign_in(app, &profile, password, may_retype, subject).await?;
    if let Some(failure) = begun.not_signed_in().cloned() {
        // The saved connection stays as it is; the one document says so.
        return match saved.filter(|_| app.console.json) {
            Some(saved) => {
                let found = Found::just_entered(begun.finish().await);
                let test = test::report_of(saved, found, sent.elapsed());
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
        sign_in::confirm_identity(app, &profile, &mut begun, arguments.force).await?;
    }
    let (profile, how) = save::save(app, request, profile, &origins, &password)?;
    let findings = {
        let _progress = app.console.progress(&format!("Testing {}", profile.name));
        begun.finish().await
    };
    let test = test::report_of(&profile, Found::just_entered(findings), sent.elapsed());
    test::remember(app, &profile, &test)?;
    Ok(report(app, request, &profile, how, Some(test)))
}

/// A known connection without a new secret: updates what was given, tests, and
/// where the credential is the trouble lets a person sign in again.
async fn check_known(app: &mut App, request: &Request, saved: &Profile) -> Result<u8, Failure> {
    let (profile, how) = save::update(app, request, saved)?;
    if request.arguments.no_test {
        return Ok(report(app, request, &profile, how, None));
    }
    let options = Options { retry_refused: false, tables: Vec::new() };
    let test = test::test_saved(app, &profile, &options).await?;
    let credential_is_the_trouble = test.failure().is_some_and(|failure| {
        failure.class() == Class::Auth || matches!(failure.code(), Code::OriginMismatch | Code::SecretUnreadable)
    });
    if credential_is_the_trouble && app.is_interactive() {
        let text = output::text::report(&test, app.console.err);
        app.console.say(&format!("{text}\n"));
        return connect(app, request, Some(&profile)).await;
    }
    Ok(report(app, request, &profile, how, Some(test)))
}

fn ask_user(app: &mut App) -> Result<UserName, Failure> {
    let Some(person) = app.person() else {
        return Err(Failure::new(Code::NoTerminal, "the user name is missing")
            .why("There is no terminal to ask at, or asking was forbidden.")
            .next("Give --username USER, and the password with --password-stdin or --password-file FILE"));
    };
    let mut hint = "the instance's, not your developer site's".to_owned();
    loop {
        let typed = person.text("User name", None, &hint)?;
        match typed.trim().parse() {
            Ok(user) => return Ok(user),
            Err(error) => hint = error.to_string(),
        }
    }
}

/// Shows a person that the instance answers, before a secret is typed. Only
/// positive evidence stops here: asleep, restarting, not to be reached.
async fn knock(app: &mut App, request: &Request) -> Result<(), Failure> {
    let instance = request.target.instance();
    let (ca_cert, proxy) = (request.ca_cert(app), request.proxy(app));
    let (client, _) = app.client(instance, ca_cert.as_deref(), proxy.as_deref())?;
    let deadline = app.deadline()?;
    let exchange = {
        let _progress = app.console.progress(&format!("Asking {instance}"));
        client.get(instance.url("/api/now/table/sys_user"), None, deadline).await
    };
    let answer = exchange.result.map_err(Failure::from)?;
    let (subject, redactor) = (Subject::New, Redactor::default());
    let seen = Seen {
        body: Body::read(&answer),
        answer: &answer,
        asked: Asked::Knock,
        subject: &subject,
        instance,
        user: None,
        redactor: &redactor,
    };
    let failure = diagnose(&seen);
    if matches!(failure.code(), Code::InstanceHibernating | Code::InstanceUnavailable | Code::GatewayTimeout) {
        return Err(failure);
    }
    let paint = app.console.err;
    app.console.note(&format!(
        "  {}   {}  {}",
        paint.dim("Instance"),
        paint.bold(instance.origin()),
        paint.dim(&format!("(answers in {}, awake)", took(exchange.timings.total)))
    ));
    Ok(())
}
