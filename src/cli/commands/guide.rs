//! `snow guide`: the setup that an administrator must do before a way to sign in
//! works. The service has the texts, one source for the terminal and for a
//! ticket; here is only what they leave open.

use std::borrow::Cow;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::pick;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::connect::args::{service_spec, spec_help};
use crate::cli::completion;
use crate::cli::shell;
use crate::model::instance::Instance;
use crate::model::oauth_client::RedirectUri;
use crate::model::profile::{ConnectionName, Profile, any_of};
use crate::report;
use crate::report::json;
use crate::service::guide::Guide;
use crate::service::{self, SERVICES, Service};

#[derive(Debug, Args)]
#[command(after_help = guide_help())]
pub struct GuideArgs {
    /// How to sign in [default: choose from a list]
    #[arg(value_parser = guide_parser(), hide_possible_values = true)]
    pub method: Option<&'static str>,
    /// The connection or instance that the guide is for
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
    #[arg(long, value_name = "SERVICE", value_parser = service_spec, help = spec_help(),
        add = ArgValueCandidates::new(completion::services))]
    pub spec: Option<&'static str>,
    /// For oauth: the redirect URI to register [default: that of TARGET, or
    /// http://127.0.0.1:8914/callback]
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<RedirectUri>,
    /// Print text to read, or Markdown for a ticket
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GuideFormat,
}

/// Examples, and the guides that there are.
fn guide_help() -> String {
    let lines = lines(service::usual());
    format!(
        "Examples:
  snow guide                                    choose from a list
  snow guide oauth
  snow guide oauth acme --format markdown       to paste into a ticket

Methods:
  {}",
        lines.join("\n  ")
    )
}

/// The guides of a service, each in a line.
fn lines(service: &dyn Service) -> Vec<String> {
    pick::aligned(service.guides().iter().map(|guide| (guide.method, guide.about.to_owned())))
}

/// The name of a way to sign in that some service has a guide for.
fn guide_parser() -> impl TypedValueParser<Value = &'static str> {
    let guides = || SERVICES.iter().flat_map(|service| service.guides());
    let mut known: Vec<&Guide> = Vec::new();
    for guide in guides() {
        if known.iter().all(|other| other.method != guide.method) {
            known.push(guide);
        }
    }
    let values = known.into_iter().map(|guide| PossibleValue::new(guide.method).help(guide.about));
    let find = move |name: String| guides().find(|guide| guide.method == name).map(|guide| guide.method);
    PossibleValuesParser::new(values).map(move |name| find(name).expect("clap took one of these"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideFormat {
    Text,
    Markdown,
}

pub fn run(app: &mut App, arguments: GuideArgs) -> Result<u8, Failure> {
    let given = arguments.spec.map(|spec| service::named(spec).expect("the command line has checked it"));
    let target = match &arguments.target {
        Some(text) => Some(Target::find(app, given, text)?),
        None => None,
    };
    let service = given.or(target.as_ref().map(|target| target.service)).unwrap_or_else(service::usual);
    let guide = match arguments.method {
        Some(method) => guide_of(service, method)?,
        None if app.is_interactive() && !app.console.json => chosen(app, service)?,
        None if app.console.json => {
            return Err(pick::missing("METHOD", "methods", service.guides().iter().map(|guide| guide.method)));
        }
        None => return Ok(list(app, service)),
    };
    if arguments.redirect_uri.is_some() && !guide.has_redirect_uri {
        let message = shown!("--redirect-uri does not apply to {}", guide.method);
        return Err(Failure::new(Code::Usage, message).next("Remove it, or run snow guide oauth"));
    }
    let markdown = markdown(guide, target.as_ref(), arguments.redirect_uri);
    let markdown = markdown.trim_end();
    if app.console.json {
        let (method, markdown) = (guide.method, format!("{markdown}\n"));
        app.console.document(&json::help::Guide { schema: schemas::Guide, method, markdown });
        return Ok(0);
    }
    let text = match arguments.format {
        GuideFormat::Markdown => markdown.to_owned(),
        GuideFormat::Text => report::markdown::text(markdown, app.console.out),
    };
    app.console.data(&text);
    Ok(0)
}

fn guide_of(service: &dyn Service, method: &str) -> Result<&'static Guide, Failure> {
    service.guides().iter().find(|guide| guide.method == method).ok_or_else(|| {
        let methods: Vec<_> = service.guides().iter().map(|guide| guide.method).collect();
        Failure::new(Code::Usage, shown!("{} has no sign-in with {}", service.defaults().label, Shown::outside(method)))
            .next(shown!("Use {}", Shown::outside(any_of(&methods))))
    })
}

/// The guide that a person chooses.
fn chosen(app: &mut App, service: &dyn Service) -> Result<&'static Guide, Failure> {
    Ok(&service.guides()[app.choose("How should snow sign in?", &lines(service))?])
}

/// The guides that there are.
fn list(app: &mut App, service: &dyn Service) -> u8 {
    app.console.data(&lines(service).join("\n"));
    app.console.note("One of them: snow guide METHOD");
    0
}

/// The instance that the guide is for, and how `snow connect` is told of it.
struct Target {
    service: &'static dyn Service,
    instance: Instance,
    saved: Option<Profile>,
}

impl Target {
    /// A saved name, else anything that is the address of an instance.
    fn find(app: &App, given: Option<&'static dyn Service>, text: &str) -> Result<Self, Failure> {
        let name: Option<ConnectionName> = text.parse().ok();
        let saved = match &name {
            Some(name) => app.config_file()?.load()?.connections.remove(name),
            None => None,
        };
        let is_meant = |profile: &Profile| given.is_none_or(|given| given.defaults() == profile.auth.defaults);
        if let Some(profile) = saved.filter(is_meant) {
            let service = service::of(&profile.auth);
            return Ok(Self { service, instance: profile.instance.clone(), saved: Some(profile) });
        }
        let service = given.unwrap_or_else(|| service::meant_by(text));
        Ok(Self { service, instance: service.address(text)?.instance, saved: None })
    }

    /// The redirect URI of a saved connection. A page of the instance is registered there
    /// already.
    fn redirect_uri(&self) -> Option<RedirectUri> {
        let client = self.saved.as_ref()?.auth.client()?;
        Some(client.redirect_uri.clone()).filter(|uri| !uri.is_page_of_instance())
    }

    /// As a person writes it: the host, or the origin where http is meant.
    fn written(&self) -> String {
        if self.instance.origin().starts_with("https://") {
            self.instance.host_and_port().into()
        } else {
            self.instance.origin().to_owned()
        }
    }

    /// The argument of `snow connect`. What is saved with another way to sign
    /// in is replaced by `--force` alone.
    fn argument(&self, guide: &Guide) -> String {
        match &self.saved {
            Some(profile) if profile.auth.as_str() == guide.method => profile.name.to_string(),
            Some(profile) => format!("{} --force", profile.name),
            None => self.written(),
        }
    }
}

/// The guide with everything filled in. No value can hold what Markdown or a
/// shell would read as its own.
fn markdown(guide: &Guide, target: Option<&Target>, redirect_uri: Option<RedirectUri>) -> String {
    let own = || target.and_then(Target::redirect_uri);
    let redirect_uri = redirect_uri.or_else(own).unwrap_or_default();
    let redirect_flag = if redirect_uri.is_default() {
        String::new()
    } else {
        format!(" \\\n  --redirect-uri {}", quoted(redirect_uri.as_str()))
    };
    let instance = target.map_or_else(|| "the instance".to_owned(), |target| format!("`{}`", target.written()));
    let word = target.map_or_else(|| "INSTANCE".to_owned(), Target::written);
    let argument = target.map_or_else(|| "INSTANCE".to_owned(), |target| target.argument(guide));
    shell::for_this_system(&format!("{}{}", guide.text, guide.account))
        .replace("{for_tokens}\n", &format!("{}\n", guide.tokens))
        .replace("{instance}", &instance)
        .replace("{instance_word}", &word)
        .replace("{target}", &argument)
        .replace("{redirect_flag}", &shell::for_this_system(&redirect_flag))
        .replace("{redirect_uri}", redirect_uri.as_str())
}

/// A URI as a shell takes it.
fn quoted(uri: &str) -> Cow<'_, str> {
    shlex::try_quote(uri).unwrap_or(uri.into())
}
