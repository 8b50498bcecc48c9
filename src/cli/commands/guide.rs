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
use crate::base::shown::shown;
use crate::cli::completion;
use crate::cli::shell;
use crate::model::instance::Instance;
use crate::model::oauth_client::RedirectUri;
use crate::model::profile::{ConnectionName, Profile};
use crate::report;
use crate::report::json;
use crate::service::servicenow::address::Address;
use crate::service::servicenow::guide::{ACCOUNT, GUIDES, Guide, TOKENS};

#[derive(Debug, Args)]
#[command(after_help = guide_help())]
pub struct GuideArgs {
    /// How to sign in [default: choose from a list]
    #[arg(value_parser = guide_parser(), hide_possible_values = true)]
    pub method: Option<&'static Guide>,
    /// The connection or instance that the guide is for
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
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
    let lines = pick::aligned(GUIDES.iter().map(|guide| (guide.method, guide.about.to_owned())));
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

/// The guide of a way to sign in, as clap reads it.
fn guide_parser() -> impl TypedValueParser<Value = &'static Guide> {
    let values = GUIDES.iter().map(|guide| PossibleValue::new(guide.method).help(guide.about));
    let find = |name: String| GUIDES.iter().find(|guide| guide.method == name);
    PossibleValuesParser::new(values).map(move |name| find(name).expect("clap took one of these"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideFormat {
    Text,
    Markdown,
}

pub fn run(app: &mut App, arguments: GuideArgs) -> Result<u8, Failure> {
    let guide = match arguments.method {
        Some(guide) => guide,
        None if app.is_interactive() && !app.console.json => chosen(app)?,
        None if app.console.json => {
            return Err(pick::missing("METHOD", "methods", GUIDES.iter().map(|guide| guide.method)));
        }
        None => return Ok(list(app)),
    };
    if arguments.redirect_uri.is_some() && !guide.has_redirect_uri {
        let message = shown!("--redirect-uri does not apply to {}", guide.method);
        return Err(Failure::new(Code::Usage, message).next("Remove it, or run snow guide oauth"));
    }
    let target = match &arguments.target {
        Some(text) => Some(Target::find(app, text)?),
        None => None,
    };
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

/// The guide that a person chooses.
fn chosen(app: &mut App) -> Result<&'static Guide, Failure> {
    let choices = pick::aligned(GUIDES.iter().map(|guide| (guide.method, guide.about.to_owned())));
    Ok(&GUIDES[app.choose("How should snow sign in?", &choices)?])
}

/// The guides that there are.
fn list(app: &mut App) -> u8 {
    let lines = pick::aligned(GUIDES.iter().map(|guide| (guide.method, guide.about.to_owned())));
    app.console.data(&lines.join("\n"));
    app.console.note("One of them: snow guide METHOD");
    0
}

/// The instance that the guide is for, and how `snow connect` is told of it.
struct Target {
    instance: Instance,
    saved: Option<Profile>,
}

impl Target {
    /// A saved name, else anything that is the address of an instance.
    fn find(app: &App, text: &str) -> Result<Self, Failure> {
        let name: Option<ConnectionName> = text.parse().ok();
        let saved = match &name {
            Some(name) => app.config_file()?.load()?.connections.remove(name),
            None => None,
        };
        if let Some(profile) = saved {
            return Ok(Self { instance: profile.instance.clone(), saved: Some(profile) });
        }
        let instance = Address::parse(text)?.instance;
        Ok(Self { instance, saved: None })
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
    let for_tokens = if guide.has_tokens { TOKENS } else { "" };
    shell::for_this_system(&format!("{}{ACCOUNT}", guide.text))
        .replace("{for_tokens}\n", &format!("{for_tokens}\n"))
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
