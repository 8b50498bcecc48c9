//! What a sign-in and a request would meet on this machine: browser, ports,
//! proxy, certificate authorities, clock. Nothing leaves the machine.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, CheckId, Machine, path, port};
use crate::auth::certificate::files::Files;
use crate::auth::method::MethodSpec;
use crate::auth::oauth::browser::{self, BrowserMode, Reason};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::http::proxy::{self, ProxyVariables, Route};
use crate::http::tls::{CaCertificates, NO_AUTHORITIES, system_authorities};
use crate::model::command::command_of;
use crate::model::profile::Profile;
use crate::service;

/// A clock that is this far behind what was seen before has been set back.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// An authority that ends within this time is worth a word.
const SOON: TimeDelta = TimeDelta::days(30);

pub fn examine(machine: &Machine) -> Vec<Check> {
    let mut checks = vec![browser(machine)];
    checks.extend(port::examine(machine));
    checks.extend(proxies(machine));
    checks.extend(authorities(machine));
    checks.extend(profiles(machine).filter_map(|profile| ca_cert(machine, profile)));
    checks.extend(profiles(machine).filter_map(|profile| client_certificate(machine, profile)));
    checks.extend(profiles(machine).filter_map(|profile| command(machine, profile)));
    checks.extend(profiles(machine).filter_map(farewell));
    checks.push(clock(machine));
    checks
}

/// What ends of the way that a connection signs in.
fn farewell(profile: &Profile) -> Option<Check> {
    let service = service::of(&profile.auth);
    let why = service.farewell(&profile.auth)?;
    let guide = shown!("snow guide oauth --spec {}", service.defaults().spec);
    let message = shown!("{} signs in with {}, which ends", profile.name, MethodSpec::of(profile.auth.method).phrase);
    let check = Check::warn(CheckId::SignInEnds, message).why(why);
    Some(check.next(Step::say("See what to set up instead: ").and_run(guide)).target(profile.name.as_str()))
}

/// Whether the program is there that gives a connection its credential. It is not started.
fn command(machine: &Machine, profile: &Profile) -> Option<Check> {
    let setting = MethodSpec::of(profile.auth.method).settings().find(|setting| setting.is_command)?;
    let command = command_of(&(setting.get)(&profile.auth)?).ok()?;
    let program = OsStr::new(command.first()?);
    let shown = Shown::outside(program.to_string_lossy());
    let check = if is_there(machine, program) {
        Check::pass(CheckId::CommandProgram, shown!("{} gets its access token from {}", profile.name, shown))
    } else {
        Check::warn(
            CheckId::CommandProgram,
            shown!("{} is missing, which prints the access token of {}", shown, profile.name),
        )
        .why("It is not on the PATH, or not where the setting says.")
        .next("Install it, or correct PATH")
        .next(Step::say("See the command: ").and_run(shown!("snow show {}", profile.name)))
        .code(Code::CommandFailed)
    };
    Some(check.target(profile.name.as_str()))
}

/// How the address of a sign-in would get to a browser.
fn browser(machine: &Machine) -> Check {
    let variables = &machine.variables;
    let (way, because) = BrowserMode::explained(machine.browser, variables);
    let because = match because {
        Reason::RedirectUri => "the redirect URI is not on this machine".to_owned(),
        Reason::Forbidden => "--no-input, SNOW_NO_INPUT or CI forbids it".to_owned(),
        Reason::Variable(name) => format!("{name} is set"),
        Reason::Desktop => "there is a desktop".to_owned(),
        Reason::Workspace(name) => format!("{name} is set: the browser is on another machine"),
        Reason::RemoteShell => "this is a remote shell".to_owned(),
        Reason::NoDisplay => "there is no display".to_owned(),
    };
    match way {
        BrowserMode::Open => {
            let programs = browser::programs(variables);
            if programs.iter().any(|program| is_there(machine, program)) {
                return Check::pass(
                    CheckId::BrowserWay,
                    shown!("a sign-in opens a browser, since {}", Shown::outside(&because)),
                );
            }
            let names: Vec<_> = programs.iter().map(|program| program.to_string_lossy()).collect();
            let message =
                shown!("a sign-in would open a browser, since {}, but none was found", Shown::outside(&because));
            Check::warn(CheckId::BrowserWay, message)
                .why(shown!("Looked for: {}.", Shown::outside(names.join(", "))))
                .next("Set SNOW_BROWSER to the command of your browser")
                .next(Step::say("Sign in by paste: ").and_run("snow login NAME --manual"))
        }
        BrowserMode::Print => Check::pass(
            CheckId::BrowserWay,
            shown!("a sign-in prints its URL and opens nothing, since {}", Shown::outside(&because)),
        ),
        BrowserMode::Paste => {
            Check::pass(CheckId::BrowserWay, shown!("a sign-in asks you to paste, since {}", Shown::outside(&because)))
        }
    }
}

fn is_there(machine: &Machine, program: &OsStr) -> bool {
    match Path::new(program).components().count() {
        1 => path::find(machine, program).next().is_some(),
        _ => path::is_program(&PathBuf::from(program)),
    }
}

/// The variables, and the way that each connection goes.
fn proxies(machine: &Machine) -> Vec<Check> {
    let id = CheckId::NetworkProxy;
    let variables = ProxyVariables::of(&machine.variables);
    let mut set = Vec::new();
    let mut checks = Vec::new();
    for variable in variables.set() {
        match variable.shown() {
            Ok(shown) => set.push(format!("{} is {shown}", variable.name)),
            Err(invalid) => checks.push(Check::fail(id, &Failure::from(invalid))),
        }
    }
    set.extend(machine.proxy.iter().map(|given| format!("--proxy is {given}")));
    if !set.is_empty() {
        checks.push(Check::pass(id, Shown::outside(set.join(", "))));
    }
    if checks.is_empty() {
        checks.push(Check::pass(id, "no variable sets a proxy"));
    }
    let mut ways: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for profile in profiles(machine) {
        let given = proxy::given(machine.proxy.as_deref(), profile.proxy.as_deref());
        let way = match Route::to(&profile.instance, given, &variables) {
            Ok(route) => route.proxy().map_or_else(|| "no proxy".to_owned(), |proxy| format!("through {}", proxy.url)),
            Err(_) => "no request, until the proxy can be read".to_owned(),
        };
        ways.entry(way).or_default().push(profile.name.as_str());
    }
    // Where nothing sets a proxy, that was said.
    let is_plain = variables.set().next().is_none() && set.is_empty() && ways.keys().all(|way| way == "no proxy");
    if !is_plain {
        for (way, names) in ways {
            checks.push(Check::pass(id, shown!("{}: {}", Shown::outside(&way), Shown::outside(names.join(", ")))));
        }
    }
    checks
}

/// The authorities that every connection trusts, and what changes them.
fn authorities(machine: &Machine) -> Vec<Check> {
    let id = CheckId::NetworkAuthorities;
    let mut checks = Vec::new();
    if let Some(path) = machine.variables.path("SSL_CERT_FILE") {
        let mut authorities = CaCertificates::default();
        checks.push(match authorities.add(&path) {
            Ok(_) => {
                Check::pass(id, shown!("SSL_CERT_FILE: {} certificates in {}", authorities.count(), path.display()))
            }
            Err(failure) => {
                let failure = Failure::new(Code::CaCertInvalid, shown!("SSL_CERT_FILE: {}", failure.message()))
                    .why("It replaces the system's certificate authorities.")
                    .next("Correct or unset SSL_CERT_FILE");
                Check::fail(id, &failure)
            }
        });
    }
    if let Some(directories) = machine.variables.raw("SSL_CERT_DIR") {
        let missing: Vec<PathBuf> = std::env::split_paths(directories).filter(|path| !path.is_dir()).collect();
        checks.push(match missing.first() {
            None => Check::pass(id, "SSL_CERT_DIR names directories that are there"),
            Some(path) => Check::warn(id, shown!("SSL_CERT_DIR names {}, which is not a directory", path.display()))
                .next("Correct or unset SSL_CERT_DIR"),
        });
    }
    checks.push(match system_authorities() {
        Ok(()) => Check::pass(id, "the system's certificate authorities can be read"),
        Err(reason) => {
            let failure = Failure::new(Code::TlsUntrusted, "no certificate authority was found")
                .why(shown!("{}. No instance can prove who it is.", Shown::outside(&reason)))
                .next(NO_AUTHORITIES);
            Check::fail(id, &failure)
        }
    });
    checks
}

/// The authority that a connection adds.
fn ca_cert(machine: &Machine, profile: &Profile) -> Option<Check> {
    let path = profile.ca_cert.as_ref()?;
    let (name, shown) = (&profile.name, path.display());
    let mut authorities = CaCertificates::default();
    let check = match authorities.add(path) {
        Err(failure) => {
            let check = Check::fail(CheckId::NetworkCaCert, &failure);
            let why = shown!("{} names it, and makes no request without it.", name);
            Check { next: vec![Step::run(shown!("snow edit {} --set ca_cert=FILE", name))], ..check.why(why) }
        }
        Ok(_) => match authorities.first_end() {
            Some(end) if end <= machine.now + SOON => {
                let verb = if end <= machine.now { "expired" } else { "expires" };
                let message = shown!(
                    "a certificate in the CA file {} {} on {}",
                    shown,
                    verb,
                    Shown::outside(end.format("%Y-%m-%d").to_string())
                );
                Check::warn(CheckId::NetworkCaCert, message).why(shown!("{} trusts it.", name)).next(
                    Step::say("Get the new one, then: ")
                        .and_run(shown!("snow edit {} --set ca_cert=FILE", name))
                        .and_say(", and ")
                        .and_run(shown!("snow login {}", name)),
                )
            }
            Some(end) => {
                let message = shown!(
                    "the CA file of {} is good until {}",
                    name,
                    Shown::outside(end.format("%Y-%m-%d").to_string())
                );
                Check::pass(CheckId::NetworkCaCert, message)
            }
            None => Check::pass(CheckId::NetworkCaCert, shown!("the CA file of {} can be read", name)),
        },
    };
    Some(check.target(name.as_str()))
}

/// The files of a client certificate. A passphrase is not asked for, so only what a key
/// without one says is compared.
fn client_certificate(machine: &Machine, profile: &Profile) -> Option<Check> {
    let id = CheckId::NetworkClientCertificate;
    let (name, files) = (&profile.name, Files::of(&profile.auth)?);
    let date = |end: DateTime<Utc>| Shown::outside(end.format("%Y-%m-%d").to_string());
    let check = match files.examined(machine.now) {
        Err(failure) => Check::fail(id, &failure),
        Ok(Some(dates)) if dates.not_after <= machine.now + SOON => {
            let message = shown!("the client certificate of {} expires on {}", name, date(dates.not_after));
            Check::warn(id, message)
                .next("Get a new certificate from the CA, and have it registered for the user before that")
        }
        Ok(Some(dates)) => {
            Check::pass(id, shown!("the client certificate of {} is good until {}", name, date(dates.not_after)))
        }
        Ok(None) => Check::pass(id, shown!("the client certificate of {} opens with its passphrase alone", name)),
    };
    Some(check.target(name.as_str()))
}

/// The clock, as far as one can tell without a question.
fn clock(machine: &Machine) -> Check {
    let tests = machine.state.as_ref().map(|state| state.last_tests()).unwrap_or_default();
    let last = tests.all().map(|(_, test)| test.at).max();
    match last {
        Some(at) if at > machine.now + CLOCK_TOLERANCE => {
            let shown = at.format("%Y-%m-%d %H:%M").to_string();
            Check::warn(
                CheckId::ClockTime,
                shown!("the clock is behind: the last test was at {} UTC", Shown::outside(&shown)),
            )
            .why("Certificates and tokens are judged by the clock of this machine.")
            .next("Set the clock, as with: timedatectl set-ntp true")
        }
        _ => Check::skip(CheckId::ClockTime, "not compared offline; snow test compares it"),
    }
}

fn profiles(machine: &Machine) -> impl Iterator<Item = &Profile> {
    machine.config.iter().flat_map(|config| config.connections.values())
}
