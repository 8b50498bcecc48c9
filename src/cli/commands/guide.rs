//! `snow guide`: what to ask an administrator for, before a way to sign in
//! works. The texts are in `src/guide`, one source for the terminal and for a
//! ticket; here is only what they leave open.

use std::borrow::Cow;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use super::app::App;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::cli::completion;
use crate::model::instance::Instance;
use crate::model::oauth_client::RedirectUri;
use crate::model::profile::{ConnectionName, Profile};
use crate::report;
use crate::service::servicenow::address::Address;

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow guide oauth
  snow guide oauth acme --format markdown            to paste into a ticket
  snow guide client-credentials")]
pub struct GuideArgs {
    /// The way to sign in
    pub method: GuideMethod,
    /// A saved name or an instance, to be named in the guide
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
    /// The redirect URI to register, for oauth [default: http://127.0.0.1:8914/callback,
    /// with TARGET one of its own]
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<RedirectUri>,
    /// For reading here, or to paste into a ticket
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GuideFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideMethod {
    /// People, with their browser
    Oauth,
    /// Machines: CI, jobs, services
    ClientCredentials,
    /// User name and password
    Basic,
}

impl GuideMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::ClientCredentials => "client-credentials",
            Self::Basic => "basic",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideFormat {
    Text,
    Markdown,
}

const ACCOUNT: &str = include_str!("../../guide/account.md");
const TOKENS: &str = include_str!("../../guide/tokens.md");

pub fn run(app: &mut App, arguments: GuideArgs) -> Result<u8, Failure> {
    let method = arguments.method;
    if arguments.redirect_uri.is_some() && method != GuideMethod::Oauth {
        let message = shown!("--redirect-uri has no meaning for {}", method.as_str());
        return Err(Failure::new(Code::Usage, message).next("Leave it out, or read snow guide oauth"));
    }
    let target = match &arguments.target {
        Some(text) => Some(Target::find(app, text)?),
        None => None,
    };
    let markdown = markdown(method, target.as_ref(), arguments.redirect_uri);
    let markdown = markdown.trim_end();
    if app.console.json {
        app.console.document(
            &json!({ "schema": "snow.guide/1", "method": method.as_str(), "markdown": format!("{markdown}\n") }),
        );
        return Ok(0);
    }
    let text = match arguments.format {
        GuideFormat::Markdown => markdown.to_owned(),
        GuideFormat::Text => report::markdown::text(markdown, app.console.out),
    };
    app.console.data(&text);
    Ok(0)
}

/// The instance that the guide is for, and how `snow connect` is told of it.
struct Target {
    instance: Instance,
    name: Option<ConnectionName>,
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
            return Ok(Self { instance: profile.instance.clone(), name, saved: Some(profile) });
        }
        let instance = Address::parse(text)?.instance;
        Ok(Self { name: ConnectionName::suggested_for(&instance), instance, saved: None })
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
    fn argument(&self, method: GuideMethod) -> String {
        match &self.saved {
            Some(profile) if profile.auth.as_str() == method.as_str() => profile.name.to_string(),
            Some(profile) => format!("{} --force", profile.name),
            None => self.written(),
        }
    }
}

/// The guide with everything filled in. No value can hold what Markdown or a
/// shell would read as its own.
fn markdown(method: GuideMethod, target: Option<&Target>, redirect_uri: Option<RedirectUri>) -> String {
    let own = || target.and_then(|target| target.name.as_ref()).map(RedirectUri::of_connection);
    let redirect_uri = redirect_uri.or_else(own).unwrap_or_default();
    let redirect_flag = if redirect_uri.is_default() {
        String::new()
    } else {
        format!(" \\\n  --redirect-uri {}", quoted(redirect_uri.as_str()))
    };
    let instance = target.map_or_else(|| "the instance".to_owned(), |target| format!("`{}`", target.written()));
    let word = target.map_or_else(|| "INSTANCE".to_owned(), Target::written);
    let argument = target.map_or_else(|| "INSTANCE".to_owned(), |target| target.argument(method));
    let for_tokens = if method == GuideMethod::Basic { "" } else { TOKENS };
    format!("{}{ACCOUNT}", method.text())
        .replace("{for_tokens}\n", &format!("{for_tokens}\n"))
        .replace("{instance}", &instance)
        .replace("{instance_word}", &word)
        .replace("{target}", &argument)
        .replace("{redirect_flag}", &redirect_flag)
        .replace("{redirect_uri}", redirect_uri.as_str())
}

/// A URI as a shell takes it.
fn quoted(uri: &str) -> Cow<'_, str> {
    shlex::try_quote(uri).unwrap_or(uri.into())
}

impl GuideMethod {
    fn text(self) -> &'static str {
        match self {
            Self::Oauth => include_str!("../../guide/oauth.md"),
            Self::ClientCredentials => include_str!("../../guide/client-credentials.md"),
            Self::Basic => include_str!("../../guide/basic.md"),
        }
    }
}
