//! `snow connect`: define, sign in, save, test. It keeps what was earned.
//!
//! In order: which connection is meant; the store is proven; a person sees
//! that the instance answers; what is missing is asked for; sign-in; save;
//! the other tests. A crash between any two steps leaves a state that the
//! next run repairs: at worst an entry without its secret.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::app::App;
use super::select;
use super::sign_in::{self, SignedIn};
use super::test::{self, Options};
use crate::check::report::Report;
use crate::cli::ConnectArgs;
use crate::config::{Change, Config, ConfigFile};
use crate::connection::basic::UserName;
use crate::connection::instance::{Address, Instance};
use crate::connection::profile::{AuthMethod, ConnectionName, Profile, StoreKind, shown_text};
use crate::credentials::{Field, ItemKey, record};
use crate::error::{Class, Code, Failure};
use crate::files;
use crate::output;
use crate::output::text::took;
use crate::secret::Secret;
use crate::server_text::Redactor;
use crate::servicenow::seen::{Asked, Body, Seen, Subject};
use crate::servicenow::symptoms::diagnose;

/// The connection that is meant.
struct Target {
    name: ConnectionName,
    /// The connection as it is saved, where it is.
    saved: Option<Profile>,
    /// Where TARGET was an address.
    address: Option<Address>,
}

/// What became of the saved connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Saved {
    New,
    Updated,
    Unchanged,
}

pub async fn run(app: &mut App, arguments: ConnectArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let started = Instant::now();
    let file = app.config_file()?;
    let config = file.load()?;
    let target = resolve(app, &arguments, &config)?;
    let handed_in = arguments.password.password_stdin || arguments.password.password_file.is_some();
    match &target.saved {
        Some(saved) => {
            let wanted = wanted(app, &arguments, &target, saved.username.clone())?;
            if !arguments.force {
                refuse_conflict(saved, &wanted)?;
            }
            let needs_sign_in = handed_in
                || wanted.instance != saved.instance
                || wanted.username != saved.username
                || wanted.ca_cert != saved.ca_cert;
            match needs_sign_in {
                true => connect(app, &arguments, &file, &target, wanted, Some(saved), started).await,
                false => check_known(app, &arguments, &file, &target, saved, started).await,
            }
        }
        None => {
            // The store is proven and the instance seen before a person is
            // asked for anything; the user name is part of what is asked.
            let placeholder = arguments.username.clone().unwrap_or_else(placeholder_user);
            let wanted = wanted(app, &arguments, &target, placeholder)?;
            connect(app, &arguments, &file, &target, wanted, None, started).await
        }
    }
}

/// Signs in with a new password and saves.
async fn connect(
    app: &mut App,
    arguments: &ConnectArgs,
    file: &ConfigFile,
    target: &Target,
    mut profile: Profile,
    saved: Option<&Profile>,
    started: Instant,
) -> Result<u8, Failure> {
    let store = app.store()?;
    store.prove(profile.id)?;
    if app.is_interactive() && !arguments.no_test {
        knock(app, &profile).await?;
    }
    if saved.is_none() && arguments.username.is_none() {
        profile.username = ask_user(app)?;
    }
    let typed = !arguments.password.password_stdin && arguments.password.password_file.is_none();
    let password = sign_in::new_password(app, &profile, &arguments.password)?;
    if arguments.no_test {
        let outcome = save(file, app, arguments, target, profile, saved, &password)?;
        return Ok(report(app, outcome, None, started.elapsed()));
    }
    let subject = match saved {
        Some(saved) => Subject::Saved(saved.name.clone()),
        None => Subject::New,
    };
    let sent = Instant::now();
    let signed_in = match sign_in::sign_in(app, &profile, password, typed, subject).await {
        Ok(signed_in) => signed_in,
        Err(failure) => match saved {
            // The saved connection stays as it is; the result says so.
            Some(saved) if app.console.json => return Ok(refused(app, saved, &failure)),
            _ => return Err(failure),
        },
    };
    let SignedIn { password, begun } = signed_in;
    if saved.is_some() {
        sign_in::confirm_identity(app, &profile, &begun, arguments.force).await?;
    }
    let outcome = save(file, app, arguments, target, profile, saved, &password)?;
    let findings = {
        let _progress = app.console.progress(&format!("Testing {}", outcome.0.name));
        begun.finish().await
    };
    let found = test::Found::just_signed_in(findings);
    let test = test::report_of(app, &outcome.0, found, sent.elapsed())?;
    Ok(report(app, outcome, Some(test), started.elapsed()))
}

/// A known connection without a new secret: updates what was given, tests, and
/// where the credential is the trouble lets a person sign in again.
async fn check_known(
    app: &mut App,
    arguments: &ConnectArgs,
    file: &ConfigFile,
    target: &Target,
    saved: &Profile,
    started: Instant,
) -> Result<u8, Failure> {
    let (profile, how) = file.change(|change| {
        // Another snow may have changed it since it was read: both changes stay.
        let current = select::find(change.config(), &saved.name)?.clone();
        let wanted = updated(app, arguments, target, &current, current.username.clone())?;
        let profile = change.put(wanted);
        let how = if profile.revision == current.revision { Saved::Unchanged } else { Saved::Updated };
        if arguments.default {
            change.set_default(Some(&profile.name));
        }
        Ok::<_, Failure>((profile, how))
    })?;
    if arguments.no_test {
        return Ok(report(app, (profile, how), None, started.elapsed()));
    }
    let options = Options { retry_refused: false, tables: Vec::new() };
    let test = test::test_saved(app, &profile, &options).await?;
    let credential_is_the_trouble = test.failure().is_some_and(|failure| {
        failure.class() == Class::Auth || matches!(failure.code(), Code::OriginMismatch | Code::SecretUnreadable)
    });
    if credential_is_the_trouble && app.is_interactive() {
        let text = output::text::report(&test, app.console.err);
        app.console.say(&format!("{text}\n"));
        return Box::pin(connect(app, arguments, file, target, profile.clone(), Some(&profile), started)).await;
    }
    Ok(report(app, (profile, how), Some(test), started.elapsed()))
}

// ---- which connection is meant ----

fn resolve(app: &mut App, arguments: &ConnectArgs, config: &Config) -> Result<Target, Failure> {
    let saved_as = |name: &ConnectionName| config.connections.get(name).cloned();
    let text = match (&arguments.target, &arguments.name) {
        (Some(target), _) => target.clone(),
        (None, Some(name)) if saved_as(name).is_some() => {
            return Ok(Target { saved: saved_as(name), name: name.clone(), address: None });
        }
        (None, _) => match app.person() {
            Some(person) => person.text("Instance", None, "a name such as dev12345, or any URL of the instance")?,
            None => {
                return Err(Failure::new(Code::NoTerminal, "the instance is missing")
                    .why("There is no terminal to ask at, or asking was forbidden.")
                    .next("snow connect INSTANCE --username USER --password-stdin"));
            }
        },
    };
    let as_name = text.parse::<ConnectionName>().ok().filter(|name| config.connections.contains_key(name));
    if let Some(name) = &arguments.name {
        return match as_name {
            Some(other) if other != *name => Err(Failure::new(
                Code::Usage,
                format!("{other} is a saved connection, and --name {name} means another one"),
            )
            .next(format!("Give the host of the instance with --name {name}"))),
            Some(_) => Ok(Target { saved: saved_as(name), name: name.clone(), address: None }),
            None => Ok(Target { saved: saved_as(name), name: name.clone(), address: Some(Address::parse(&text)?) }),
        };
    }
    if let Some(name) = as_name {
        return Ok(Target { saved: saved_as(&name), name, address: None });
    }
    let address = Address::parse(&text)?;
    let matching: Vec<&Profile> = config
        .connections
        .values()
        .filter(|profile| profile.instance == address.instance)
        .filter(|profile| arguments.username.as_ref().is_none_or(|user| user.matches(profile.username.as_str())))
        .collect();
    match matching.as_slice() {
        [one] => return Ok(Target { name: one.name.clone(), saved: Some((*one).clone()), address: Some(address) }),
        [] => {}
        several => {
            let one = choose(app, &address.instance, several)?.clone();
            return Ok(Target { name: one.name.clone(), saved: Some(one), address: Some(address) });
        }
    }
    if let Some(near) = one_slip_away(&text, config)
        && ask_about_slip(app, &text, &near)?
    {
        return Ok(Target { saved: saved_as(&near), name: near, address: None });
    }
    let name = new_name(app, &address.instance, config)?;
    Ok(Target { name, saved: None, address: Some(address) })
}

fn choose<'a>(app: &mut App, instance: &Instance, several: &[&'a Profile]) -> Result<&'a Profile, Failure> {
    let options: Vec<String> =
        several.iter().map(|profile| format!("{}, as {}", profile.name, profile.username)).collect();
    match app.person() {
        Some(person) => Ok(several[person.choose("Which connection?", &options)?]),
        None => Err(Failure::new(Code::AmbiguousTarget, format!("{} connections lead to {instance}", several.len()))
            .why(options.join("; "))
            .next("Give the name of the connection, or --username")),
    }
}

/// A saved name that a bare word misses by one letter.
fn one_slip_away(text: &str, config: &Config) -> Option<ConnectionName> {
    let word = text.trim().to_ascii_lowercase();
    if word.contains(['.', ':', '/']) {
        return None;
    }
    config.connections.keys().find(|name| strsim::damerau_levenshtein(name.as_str(), &word) == 1).cloned()
}

fn ask_about_slip(app: &mut App, text: &str, near: &ConnectionName) -> Result<bool, Failure> {
    match app.person() {
        Some(person) => person.confirm(&format!("\"{}\" is no saved connection. Did you mean {near}?", text.trim())),
        None => Err(Failure::new(
            Code::AmbiguousTarget,
            format!("\"{}\" is no saved connection, and one letter away from {near}", text.trim()),
        )
        .next(format!("If you mean the saved one: snow connect {near}"))
        .next("If you mean another instance: give its full host name, or --name")),
    }
}

fn new_name(app: &mut App, instance: &Instance, config: &Config) -> Result<ConnectionName, Failure> {
    let suggested = ConnectionName::suggested_for(instance);
    if let Some(name) = &suggested
        && !config.connections.contains_key(name)
    {
        return Ok(name.clone());
    }
    let taken = suggested.map_or_else(String::new, |name| format!("{name} is taken; another "));
    match app.person() {
        Some(person) => loop {
            let typed = person.text("Name", None, &format!("{taken}name for this connection"))?;
            match typed.parse::<ConnectionName>() {
                Ok(name) if !config.connections.contains_key(&name) => return Ok(name),
                _ => continue,
            }
        },
        None => Err(Failure::new(Code::ConnectionExists, format!("the name for {instance} is taken"))
            .why("Another connection has the name that its host suggests.")
            .next("Give it a name of its own with --name")),
    }
}

// ---- what it shall be ----

/// The profile as the flags want it; what no flag names stays as saved.
fn wanted(app: &App, arguments: &ConnectArgs, target: &Target, username: UserName) -> Result<Profile, Failure> {
    let saved = target.saved.as_ref();
    let instance = match (&target.address, saved) {
        (Some(address), _) => address.instance.clone(),
        (None, Some(saved)) => saved.instance.clone(),
        (None, None) => unreachable!("a connection that is not saved has an address"),
    };
    let in_address = target.address.as_ref().and_then(|address| address.api_version);
    let text = |value: &Option<String>, key: &str| match value {
        None => Ok(None),
        Some(text) => {
            shown_text(key, text).map(Some).map_err(|error| Failure::new(Code::Usage, error.0).next("Leave it out"))
        }
    };
    let mut labels = saved.map(|saved| saved.labels.clone()).unwrap_or_default();
    labels.extend(arguments.labels.iter().cloned());
    Ok(Profile {
        name: target.name.clone(),
        id: saved.map_or_else(Uuid::new_v4, |saved| saved.id),
        revision: saved.map_or(0, |saved| saved.revision),
        instance,
        auth: arguments.auth.or(saved.map(|saved| saved.auth)).unwrap_or(AuthMethod::Basic),
        username: arguments.username.clone().unwrap_or(username),
        store: arguments.store.or(saved.map(|saved| saved.store)).unwrap_or(StoreKind::Keyring),
        api_version: arguments.api_version.or(in_address).or(saved.and_then(|saved| saved.api_version)),
        tables: match arguments.tables.is_empty() {
            true => saved.map(|saved| saved.tables.clone()).unwrap_or_default(),
            false => arguments.tables.clone(),
        },
        ca_cert: match &app.global.ca_cert {
            Some(path) => Some(files::absolute(path)),
            None => saved.and_then(|saved| saved.ca_cert.clone()),
        },
        proxy: app.global.proxy.clone().or(saved.and_then(|saved| saved.proxy.clone())),
        description: text(&arguments.description, "--description")?
            .or(saved.and_then(|saved| saved.description.clone())),
        labels,
    })
}

/// What the flags make of a saved connection as it is now.
fn updated(
    app: &App,
    arguments: &ConnectArgs,
    target: &Target,
    current: &Profile,
    username: UserName,
) -> Result<Profile, Failure> {
    let target = Target { name: target.name.clone(), saved: Some(current.clone()), address: target.address.clone() };
    let wanted = wanted(app, arguments, &target, username)?;
    if !arguments.force {
        refuse_conflict(current, &wanted)?;
    }
    Ok(wanted)
}

fn refuse_conflict(saved: &Profile, wanted: &Profile) -> Result<(), Failure> {
    let differs = [
        ("instance", saved.instance.to_string(), wanted.instance.to_string()),
        ("user", saved.username.to_string(), wanted.username.to_string()),
        ("sign-in", saved.auth.as_str().to_owned(), wanted.auth.as_str().to_owned()),
        ("store", saved.store.as_str().to_owned(), wanted.store.as_str().to_owned()),
    ];
    let Some((what, is, would)) = differs.into_iter().find(|(_, is, would)| is != would) else {
        return Ok(());
    };
    Err(Failure::new(Code::ConnectionExists, format!("there is already a connection called {}", saved.name))
        .why(format!("Its {what} is {is}, and you gave {would}."))
        .next("Give the new connection a name of its own with --name")
        .next(format!("Or replace {} with --force", saved.name)))
}

fn placeholder_user() -> UserName {
    "?".parse().expect("a question mark is a user name")
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
async fn knock(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let client = app.client_for(profile)?;
    let url = profile.instance.url("/api/now/table/sys_user");
    let deadline = app.deadline()?;
    let exchange = {
        let _progress = app.console.progress(&format!("Asking {}", profile.instance));
        client.get(url, None, deadline).await
    };
    let answer = exchange.result.map_err(Failure::from)?;
    let (subject, redactor) = (Subject::New, Redactor::default());
    let seen = Seen {
        body: Body::read(&answer),
        answer: &answer,
        asked: Asked::Knock,
        subject: &subject,
        instance: &profile.instance,
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
        paint.bold(profile.instance.origin()),
        paint.dim(&format!("(answers in {}, awake)", took(exchange.timings.total)))
    ));
    Ok(())
}

// ---- saving ----

/// Saves the entry, then the secret; a secret that cannot be saved takes the
/// entry back.
fn save(
    file: &ConfigFile,
    app: &mut App,
    arguments: &ConnectArgs,
    target: &Target,
    signed_in: Profile,
    saved: Option<&Profile>,
    password: &Secret,
) -> Result<(Profile, Saved), Failure> {
    let store = app.store()?;
    let (profile, former, former_default) = file.change(|change: &mut Change| {
        let config = change.config();
        let former = config.connections.get(&signed_in.name).cloned();
        if saved.is_none() && former.is_some() && !arguments.force {
            return Err(Failure::new(
                Code::ConnectionExists,
                format!("another snow has just saved a connection called {}", signed_in.name),
            )
            .next("Run the command again with another --name"));
        }
        // What another snow changed since it was read stays, unless the
        // password was taken for something else than the entry says by now.
        let profile = match &former {
            None => signed_in,
            Some(current) => updated(app, arguments, target, current, signed_in.username.clone())
                .ok()
                .filter(|profile| profile.instance == signed_in.instance && profile.ca_cert == signed_in.ca_cert)
                .ok_or_else(|| {
                    let message = format!("another snow has just changed {}", signed_in.name);
                    Failure::new(Code::ConnectionExists, message)
                        .why("The password was not saved.")
                        .next("Run the command again")
                })?,
        };
        let former_default = config.default.clone();
        let is_first = config.connections.is_empty();
        let profile = change.put(profile);
        if arguments.default || is_first {
            change.set_default(Some(&profile.name));
        }
        Ok((profile, former, former_default))
    })?;
    if let Err(failure) = record::write_password(store.as_ref(), &profile, password) {
        if former.is_none() {
            // A write may be reported as failed and have been done. What is
            // not there to be deleted, or cannot be, changes nothing here.
            let _ = store.delete(ItemKey { connection: profile.id, field: Field::Password });
        }
        let taken_back = file.change(|change: &mut Change| {
            match &former {
                Some(former) => change.restore(former.clone()),
                None => change.remove(&profile.name),
            }
            if change.config().default.as_ref().is_none_or(|default| *default == profile.name) {
                let still_there = former_default.filter(|name| change.config().connections.contains_key(name));
                change.set_default(still_there.as_ref());
            }
            Ok::<_, Failure>(())
        });
        return Err(match taken_back {
            Ok(()) => failure,
            Err(_) => failure.next(format!(
                "The entry {} was left without its secret; snow login {} repairs it",
                profile.name, profile.name
            )),
        });
    }
    let how = match &former {
        None => Saved::New,
        Some(former) if former.revision == profile.revision => Saved::Unchanged,
        Some(_) => Saved::Updated,
    };
    // A new secret is a change, whatever the fields say.
    Ok((profile, if how == Saved::Unchanged { Saved::Updated } else { how }))
}

// ---- reporting ----

/// A secret that was not taken for a connection that stays saved.
fn refused(app: &mut App, saved: &Profile, failure: &Failure) -> u8 {
    let id = crate::check::report::CheckId::AuthRequest;
    let checks = vec![crate::check::report::Check::fail(id, failure.clone())];
    let test = test::bare_report(saved, checks);
    report(app, (saved.clone(), Saved::Unchanged), Some(test), Duration::ZERO)
}

fn report(app: &mut App, (profile, how): (Profile, Saved), test: Option<Report>, took: Duration) -> u8 {
    let exit_code = test.as_ref().map_or(0, Report::exit_code);
    let is_default = app
        .config_file()
        .and_then(|file| Ok(file.load()?))
        .is_ok_and(|config| config.default.as_ref() == Some(&profile.name));
    if app.console.json {
        let last_test = app.state().ok().and_then(|state| state.last_tests().remove(&profile.id));
        app.console.document(&json!({
            "schema": "snow.connect/1",
            "saved": match how {
                Saved::New => "new",
                Saved::Updated => "updated",
                Saved::Unchanged => "unchanged",
            },
            "connection": output::json::connection(&profile, is_default, last_test.as_ref()),
            "test": test.as_ref().map_or(Value::Null, output::json::report),
            "exit_code": exit_code,
        }));
        return exit_code;
    }
    let text = text(app, &profile, how, test.as_ref(), is_default, took);
    app.console.data(&text);
    exit_code
}

fn text(app: &App, profile: &Profile, how: Saved, test: Option<&Report>, is_default: bool, spent: Duration) -> String {
    let paint = app.console.out;
    let saved_as = match (how, is_default) {
        (Saved::Unchanged, _) => String::new(),
        (_, true) => format!("  Saved as \"{}\", the default. The password is in your keyring.", profile.name),
        (_, false) => format!("  Saved as \"{}\". The password is in your keyring.", profile.name),
    };
    let Some(test) = test else {
        return match how {
            Saved::Unchanged => format!("{} {}: unchanged, not tested", paint.tick(), profile.name),
            _ => format!("{} {}: saved, never tested", paint.tick(), profile.name),
        };
    };
    if test.failure().is_some() {
        let mut text = output::text::report(test, paint);
        if !saved_as.is_empty() {
            text.push_str(&format!("\n\n{saved_as}"));
        }
        return text;
    }
    let user = test.identity.as_ref().map_or(profile.username.as_str(), |identity| identity.user_name.as_str());
    let mut lines = Vec::new();
    if app.is_interactive() && paint.is_terminal {
        let verb = if how == Saved::Unchanged { "Still connected" } else { "Connected" };
        lines.push(format!(
            "\n{} {verb} to {} as {}   {}",
            paint.tick(),
            paint.bold(profile.name.as_str()),
            paint.bold(user),
            paint.dim(&format!("Basic {} {}", paint.dot(), took(test.duration)))
        ));
        lines.extend((!saved_as.is_empty()).then_some(saved_as));
        lines.push(format!("\n  {}   {}", paint.dim("Try"), paint.command("snow test")));
    } else {
        let how = if how == Saved::Unchanged { "still connected" } else { "connected" };
        lines.push(format!(
            "{} {}: {how} as {user} ({}) in {}",
            paint.tick(),
            profile.name,
            profile.auth.as_str(),
            took(spent)
        ));
    }
    lines.extend(output::text::warnings(test, paint));
    lines.join("\n")
}
