//! Which connection `snow connect` means, and what it becomes.

use std::path::PathBuf;

use uuid::Uuid;

use super::Request;
use super::args::ConnectArgs;
use crate::auth::method::MethodSpec;
use crate::auth::setting::Question;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::config::Config;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::profile::{Auth, ConnectionId, ConnectionName, InvalidValue, Profile, StorePlace};
use crate::service::{self, Address, Service};
use crate::store;

/// The connection that is meant.
pub struct Target {
    pub name: ConnectionName,
    /// Of the saved connection, or of the one to be.
    pub id: ConnectionId,
    pub saved: Option<Profile>,
    pub service: &'static dyn Service,
    /// What TARGET says, or where the saved connection leads.
    address: Address,
    /// Whether TARGET was a name, and the address is the saved one's.
    is_named: bool,
    /// Whether the name comes from the address.
    is_suggested: bool,
}

impl Target {
    fn saved(profile: &Profile, service: Option<&'static dyn Service>, address: Option<Address>) -> Self {
        let saved_address = || Address { instance: profile.instance.clone(), api_version: None, note: None };
        Self {
            name: profile.name.clone(),
            id: profile.id,
            saved: Some(profile.clone()),
            service: service.unwrap_or_else(|| service::of(&profile.auth)),
            is_named: address.is_none(),
            is_suggested: false,
            address: address.unwrap_or_else(saved_address),
        }
    }

    fn new(name: ConnectionName, service: &'static dyn Service, address: Address) -> Self {
        let is_suggested = ConnectionName::suggested_for(&address.instance).as_ref() == Some(&name);
        Self { name, id: Uuid::new_v4(), saved: None, service, address, is_named: false, is_suggested }
    }

    pub fn instance(&self) -> &Instance {
        &self.address.instance
    }

    /// What a person should know of the address.
    pub fn note(&self) -> Option<&Shown> {
        self.address.note.as_ref()
    }

    /// The name of a new connection that signed in at another instance than was given: that
    /// of the instance, unless a person chose one or it is taken.
    pub fn name_at(&self, instance: &Instance, config: &Config) -> ConnectionName {
        let suggested =
            || ConnectionName::suggested_for(instance).filter(|name| !config.connections.contains_key(name));
        let is_ours = self.is_suggested && self.saved.is_none() && *instance != self.address.instance;
        is_ours.then(suggested).flatten().unwrap_or_else(|| self.name.clone())
    }
}

/// `--name` alone decides if it is given; else TARGET is a saved name, or an
/// address with the user name where one is given.
pub fn resolve(app: &mut App, arguments: &ConnectArgs, config: &Config) -> Result<Target, Failure> {
    let by_name = |name: &ConnectionName| config.connections.get(name);
    let given = arguments.spec.map(|spec| service::named(spec).expect("the command line has checked it"));
    let text = match (&arguments.target, arguments.name.as_ref().and_then(by_name)) {
        (Some(target), _) => target.clone(),
        (None, Some(saved)) => return Ok(Target::saved(saved, given, None)),
        (None, None) => ask_instance(app, given, config)?,
    };
    let saved_name = text.parse::<ConnectionName>().ok().and_then(|name| by_name(&name));
    if let Some(name) = &arguments.name {
        return match (saved_name, by_name(name)) {
            (Some(other), _) if other.name != *name => {
                let message = shown!("{} is a saved connection, but --name says {}", other.name, name);
                Err(Failure::new(Code::Usage, message)
                    .next(shown!("Give the host of the instance with --name {}", name)))
            }
            (Some(saved), _) => Ok(Target::saved(saved, given, None)),
            (None, Some(saved)) => {
                let service = given.unwrap_or_else(|| service::of(&saved.auth));
                Ok(Target::saved(saved, given, Some(service.address(&text)?)))
            }
            (None, None) => {
                let service = given.unwrap_or_else(|| service::meant_by(&text));
                Ok(Target::new(name.clone(), service, service.address(&text)?))
            }
        };
    }
    if let Some(saved) = saved_name {
        return Ok(Target::saved(saved, given, None));
    }
    let service = given.unwrap_or_else(|| service::meant_by(&text));
    let address = service.address(&text)?;
    let matching: Vec<&Profile> = config
        .connections
        .values()
        .filter(|profile| is_at(profile, &address.instance))
        .filter(|profile| fits(profile, arguments))
        .collect();
    match matching.as_slice() {
        [one] => return Ok(Target::saved(one, given, Some(address))),
        [] => {}
        several => {
            if let Some(one) = choose(app, &address.instance, several)? {
                return Ok(Target::saved(one, given, Some(address)));
            }
            let name = new_name(app, &address.instance, config)?;
            return Ok(Target::new(name, service, address));
        }
    }
    if let Some(near) = one_slip_away(&text, config)
        && ask_about_slip(app, &text, &near.name)?
    {
        return Ok(Target::saved(near, given, None));
    }
    let name = new_name(app, &address.instance, config)?;
    Ok(Target::new(name, service, address))
}

/// Whether a connection is one to this instance, or signs in there.
fn is_at(profile: &Profile, instance: &Instance) -> bool {
    let signs_in = || profile.auth.client().is_some_and(|client| client.token_origin(&profile.instance) == instance);
    profile.instance == *instance || signs_in()
}

/// Whether a connection is the one that user name or client id mean.
fn fits(profile: &Profile, arguments: &ConnectArgs) -> bool {
    let spec = MethodSpec::of(profile.auth.method);
    let has = |key: &str, value: &str| {
        let own = spec.setting(key).and_then(|setting| (setting.get)(&profile.auth));
        own.is_some_and(|own| same_value(key, &own) == same_value(key, value))
    };
    let has_lent = || service::is_lent(&profile.auth);
    arguments.auth.is_none_or(|wanted| wanted == spec.method.as_str())
        && arguments.spec.is_none_or(|wanted| wanted == profile.auth.defaults.spec)
        && (!arguments.sdk_client || has_lent())
        && arguments.settings.given().filter(|setting| setting.is_required).all(|setting| {
            let value = arguments.settings.value(setting);
            value.is_none_or(|value| has(setting.key, value))
        })
}

/// A value to compare. The instance ignores case in user names.
fn same_value(key: &str, value: &str) -> String {
    if key == "username" { value.to_lowercase() } else { value.to_owned() }
}

const INSTANCE: Question = Question {
    text: "Instance",
    hint: "a name such as dev12345, or any URL of the instance",
    what: "instance",
    instead: "Give it: snow connect INSTANCE",
};

const NAME: Question = Question {
    text: "Name",
    hint: "what you want to call this connection",
    what: "name of the connection",
    instead: "Choose one with --name",
};

/// A saved name, or what can be the address of an instance.
fn ask_instance(app: &mut App, given: Option<&'static dyn Service>, config: &Config) -> Result<String, Failure> {
    if app.person().is_none() {
        return Err(Failure::new(Code::NoTerminal, "the instance is missing")
            .why(NOBODY_TO_ASK)
            .next(Step::run("snow connect INSTANCE --username USER --password-stdin")));
    }
    app.answer(&INSTANCE, |typed| {
        let is_saved = typed.parse::<ConnectionName>().is_ok_and(|name| config.connections.contains_key(&name));
        if is_saved {
            return Ok(typed.to_owned());
        }
        if typed.is_empty() {
            return Err("Enter the name or the address of an instance".to_owned());
        }
        let service = given.unwrap_or_else(|| service::meant_by(typed));
        service.address(typed).map(|_| typed.to_owned()).map_err(|failure| {
            let advice = failure.steps().first().map(|step| format!(". {step}")).unwrap_or_default();
            format!("{}{advice}", failure.message())
        })
    })
}

/// One of several connections to an instance; `None` for a new one.
fn choose<'a>(app: &mut App, instance: &Instance, several: &[&'a Profile]) -> Result<Option<&'a Profile>, Failure> {
    let mut options: Vec<String> =
        several.iter().map(|profile| format!("{}, as {}", profile.name, profile.identity())).collect();
    if !app.is_interactive() {
        let message = shown!("{} connections lead to {}", several.len(), instance);
        return Err(Failure::new(Code::AmbiguousTarget, message)
            .why(Shown::outside(options.join("; ")))
            .next("Give the name of the connection, or --username or --client-id"));
    }
    options.push("A new connection".to_owned());
    Ok(several.get(app.choose("Which connection?", &options)?).copied())
}

/// The saved connection whose name a bare word misses by one letter.
fn one_slip_away<'a>(text: &str, config: &'a Config) -> Option<&'a Profile> {
    let word = text.trim().to_ascii_lowercase();
    if word.contains(['.', ':', '/']) {
        return None;
    }
    config.connections.values().find(|profile| strsim::damerau_levenshtein(profile.name.as_str(), &word) == 1)
}

fn ask_about_slip(app: &mut App, text: &str, near: &ConnectionName) -> Result<bool, Failure> {
    let word = text.trim();
    match app.person() {
        Some(person) => person.confirm(&format!("No connection is called \"{word}\". Did you mean {near}?")),
        None => {
            let message = shown!("no connection is called \"{}\", but one is called {}", Shown::outside(word), near);
            Err(Failure::new(Code::AmbiguousTarget, message)
                .next(Step::say("If you mean that one: ").and_run(shown!("snow connect {}", near)))
                .next("If you mean another instance, give its full host name or --name"))
        }
    }
}

fn new_name(app: &mut App, instance: &Instance, config: &Config) -> Result<ConnectionName, Failure> {
    let suggested = ConnectionName::suggested_for(instance);
    if let Some(name) = &suggested
        && !config.connections.contains_key(name)
    {
        return Ok(name.clone());
    }
    let reason = match &suggested {
        Some(name) => format!("the name {name} is already taken"),
        None => "no name can be made of the host".to_owned(),
    };
    if app.person().is_none() {
        let message = shown!("{} needs a name: {}", instance, Shown::outside(&reason));
        return Err(Failure::new(Code::ConnectionExists, message).next("Choose one with --name"));
    }
    app.complain(&format!("{reason}; choose another"));
    app.answer(&NAME, |typed| {
        let name: ConnectionName = typed.parse()?;
        let taken = config.connections.contains_key(&name);
        if taken { Err(InvalidValue(format!("the name {name} is already taken; choose another"))) } else { Ok(name) }
    })
}

impl Request {
    /// The connection as the flags want it; what no flag names stays as saved.
    pub fn wanted(&self, app: &App, saved: Option<&Profile>, auth: Auth) -> Result<Profile, Failure> {
        let (arguments, target) = (&self.arguments, &self.target);
        let mut labels = saved.map(|saved| saved.labels.clone()).unwrap_or_default();
        labels.extend(arguments.labels.iter().cloned());
        Ok(Profile {
            name: target.name.clone(),
            id: saved.map_or(target.id, |saved| saved.id),
            revision: saved.map_or(0, |saved| saved.revision),
            // Where no address was given, wherever it leads by now.
            instance: match saved {
                Some(saved) if target.is_named || is_at(saved, target.instance()) => saved.instance.clone(),
                _ => target.instance().clone(),
            },
            auth,
            store: self.store(app, saved)?,
            api_version: self
                .api_version()?
                .or(target.address.api_version)
                .or(saved.and_then(|saved| saved.api_version)),
            tables: if arguments.tables.is_empty() {
                saved.map(|saved| saved.tables.clone()).unwrap_or_default()
            } else {
                arguments.tables.clone()
            },
            headers: {
                let given = arguments.headers.given().map(|(header, _)| header.clone());
                let mut headers = saved.map(|saved| saved.headers.clone()).unwrap_or_default();
                headers.retain(|header| !arguments.headers.given().any(|(given, _)| given == header));
                headers.extend(given);
                headers.dedup();
                headers
            },
            ca_cert: self.given_ca_cert(app).or(saved.and_then(|saved| saved.ca_cert.clone())),
            proxy: app.global.proxy.clone().or(saved.and_then(|saved| saved.proxy.clone())),
            read_only: saved.is_some_and(|saved| saved.read_only),
            state: saved.map(|saved| saved.state).unwrap_or_default(),
            description: arguments.description.clone().or(saved.and_then(|saved| saved.description.clone())),
            labels,
            times: saved.map(|saved| saved.times).unwrap_or_default(),
        })
    }

    /// Where the secret shall be: a saved connection keeps its store.
    pub fn store(&self, app: &App, saved: Option<&Profile>) -> Result<StorePlace, Failure> {
        let kind = match self.arguments.store.or(saved.map(|saved| saved.store.kind)) {
            Some(kind) => kind,
            None => app.store_of_new()?,
        };
        self.arguments.store_settings.place(kind, saved.map(|saved| &saved.store))
    }

    /// What the flags make of a saved connection as it is now; a conflict
    /// without `--force` is refused.
    pub fn updated(&self, app: &App, current: &Profile, auth: Auth) -> Result<Profile, Failure> {
        let wanted = self.wanted(app, Some(current), auth)?;
        match conflict(current, &wanted) {
            Some(conflict) if !self.arguments.force => Err(conflict.refused(current)),
            _ => Ok(wanted),
        }
    }

    fn api_version(&self) -> Result<Option<ApiVersion>, Failure> {
        let Some(text) = &self.arguments.api_version else { return Ok(None) };
        let version = self.target.service.api_version(text);
        version.map(Some).map_err(|invalid| {
            Failure::new(Code::Usage, shown!("--api-version: {}", invalid))
                .next("Correct --api-version, or leave it out")
        })
    }

    pub fn ca_cert(&self, app: &App) -> Option<PathBuf> {
        self.given_ca_cert(app).or(self.target.saved.as_ref().and_then(|saved| saved.ca_cert.clone()))
    }

    pub fn proxy(&self, app: &App) -> Option<String> {
        app.global.proxy.clone().or(self.target.saved.as_ref().and_then(|saved| saved.proxy.clone()))
    }

    fn given_ca_cert(&self, app: &App) -> Option<PathBuf> {
        app.global.ca_cert.as_deref().map(files::absolute)
    }
}

/// What a conflict calls the store of a connection.
const STORE: &str = "store";

/// What `--force` would replace.
pub struct Conflict {
    what: &'static str,
    is: String,
    would: String,
}

impl Conflict {
    fn refused(&self, saved: &Profile) -> Failure {
        let Self { what, is, would } = self;
        let failure =
            Failure::new(Code::ConnectionExists, shown!("there is already a connection called {}", saved.name))
                .why(shown!("Its {} is {}, but you gave {}.", what, Shown::outside(is), Shown::outside(would)));
        let failure = match *what {
            STORE => {
                let migrate = shown!("snow store migrate {} --to {}", saved.name, Shown::outside(would));
                failure.next(Step::say("Move its secrets: ").and_run(migrate))
            }
            _ => failure,
        };
        failure
            .next("Choose another name for the new connection with --name")
            .next(shown!("Replace {} with --force", saved.name))
    }

    /// Asks before it is replaced.
    pub fn confirm(&self, app: &mut App, saved: &Profile) -> Result<(), Failure> {
        let (Self { what, is, would }, name) = (self, &saved.name);
        app.confirm(shown!("replacing {}", name), &format!("Replace {name}? Its {what} changes from {is} to {would}."))
    }
}

/// What the flags want to be another than it is, where that cannot simply be
/// updated.
pub fn conflict(saved: &Profile, wanted: &Profile) -> Option<Conflict> {
    let spec = MethodSpec::of(saved.auth.method);
    let shown = |value: Option<String>| value.unwrap_or_else(|| "the default".to_owned());
    let guarded = spec.settings().filter(|setting| setting.is_guarded).map(|setting| {
        let value = |profile: &Profile| {
            let same_method = profile.auth.method == saved.auth.method;
            same_method.then(|| (setting.get)(&profile.auth)).flatten().map(|value| same_value(setting.key, &value))
        };
        let (is, mut would) = (value(saved), value(wanted));
        // A user that is not known yet is no other one.
        if setting.key == "username" && (is.is_none() || would.is_none()) {
            would.clone_from(&is);
        }
        (setting.label, shown(is), shown(would))
    });
    let mut differs = [
        ("service", saved.auth.defaults.label.to_owned(), wanted.auth.defaults.label.to_owned()),
        ("instance", saved.instance.to_string(), wanted.instance.to_string()),
        ("sign-in", saved.auth.as_str().to_owned(), wanted.auth.as_str().to_owned()),
    ]
    .into_iter()
    .chain(guarded)
    .chain([(STORE, saved.store.as_str().to_owned(), wanted.store.as_str().to_owned())])
    .chain(store::settings().map(|setting| {
        let value = |profile: &Profile| profile.store.settings.get(setting.key).cloned();
        (setting.key, shown(value(saved)), shown(value(wanted)))
    }));
    let (what, is, would) = differs.find(|(_, is, would)| is != would)?;
    Some(Conflict { what, is, would })
}
