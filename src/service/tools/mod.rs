//! Programs of others that take a connection: what each wants, as data.
//!
//! A tool is a file of its service with a [`Tool`], and a line in the list there; those here
//! take a connection to any service.

pub mod curl;
pub mod httpie;
pub mod netrc;

use std::sync::LazyLock;

use zeroize::Zeroizing;

use super::{SERVICES, Service};
use crate::auth::certificate::files::Files;
use crate::auth::credential::Given;
use crate::base::secret::Secret;
use crate::model::instance::Instance;

/// A variable of a tool with its value, in which the words of [`Connection::filled`] are
/// replaced.
pub type Variable = (&'static str, &'static str);

/// A program that takes a connection.
#[derive(Debug)]
pub struct Tool {
    /// As in `--for NAME`.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// The variables that carry each kind of credential. None for a kind that it takes in
    /// its own form alone.
    pub takes: &'static [(Given, &'static [Variable])],
    /// The only header that it sends a key in; `None` if it sends any.
    pub key_header: Option<&'static str>,
    /// Its other variables, which would change what it does. With `*` at the end all that
    /// begin so.
    pub clears: &'static [&'static str],
    pub form: Form,
    /// The version that was run, and with which credential; `None` if none was.
    pub tried: Option<&'static str>,
}

/// The form in which a tool takes a connection as text.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// The variables, in lines for a POSIX shell.
    Shell,
    /// Code that reads the variables, with nothing secret in it.
    Code(fn(&Connection) -> String),
    /// The content of a file, with the secret in it.
    File(fn(&Connection) -> Zeroizing<String>),
}

/// The tools of every service, by name.
pub fn all() -> &'static [&'static Tool] {
    static TOOLS: LazyLock<Vec<&'static Tool>> = LazyLock::new(|| {
        let mut tools: Vec<_> = SERVICES.iter().flat_map(|service| service.tools()).copied().collect();
        tools.sort_by_key(|tool| tool.name);
        tools.dedup_by_key(|tool| tool.name);
        tools
    });
    &TOOLS
}

/// What a program gets that reads no variables but those of `snow`.
pub const PLAIN: &[(Given, &[Variable])] = &[
    (
        Given::Password,
        &[
            ("SNOW_INSTANCE", "{url}"),
            ("SNOW_AUTH", "basic"),
            ("SNOW_USERNAME", "{user}"),
            ("SNOW_PASSWORD", "{secret}"),
        ],
    ),
    (Given::Key, &[("SNOW_INSTANCE", "{url}"), ("SNOW_AUTH", "api-key"), ("SNOW_API_KEY", "{secret}")]),
    (Given::Token, &[("SNOW_INSTANCE", "{url}"), ("SNOW_AUTH", "token"), ("SNOW_ACCESS_TOKEN", "{secret}")]),
];

/// A connection as a tool is given it.
pub struct Connection<'a> {
    pub name: &'a str,
    pub instance: &'a Instance,
    pub given: Given,
    /// Empty for a kind of credential that names no user.
    pub user: &'a str,
    /// The header that a key goes into.
    pub key_header: &'a str,
    /// The files of a client certificate.
    pub certificate: Option<Files>,
    /// `None` if it is not to be shown.
    pub secret: Option<&'a Secret>,
}

/// What is shown instead of a secret.
const HIDDEN: &str = "HIDDEN: add --reveal";

impl Tool {
    /// The services that it is for.
    pub fn services(&self) -> impl Iterator<Item = &'static dyn Service> {
        let takes_it = |service: &&dyn Service| service.tools().iter().any(|tool| tool.name == self.name);
        SERVICES.iter().copied().filter(takes_it)
    }

    /// The variables for a kind of credential; `None` if it cannot take that kind.
    pub fn variables(&self, given: Given) -> Option<&'static [Variable]> {
        self.takes.iter().find(|(kind, _)| *kind == given).map(|(_, variables)| *variables)
    }

    /// Whether it reads variables, so that they can be in its environment alone.
    pub fn reads_variables(&self) -> bool {
        !matches!(self.form, Form::File(_))
    }

    /// Whether a variable that is set would change what it does.
    pub fn minds(&self, variable: &str) -> bool {
        self.clears.iter().any(|cleared| match cleared.strip_suffix('*') {
            Some(beginning) => variable.starts_with(beginning),
            None => *cleared == variable,
        })
    }

    /// The connection in the form of the tool.
    pub fn text(&self, connection: &Connection) -> Zeroizing<String> {
        match self.form {
            Form::Shell => shell(self, connection),
            Form::Code(code) => Zeroizing::new(code(connection)),
            Form::File(content) => content(connection),
        }
    }
}

impl Connection<'_> {
    /// Replaces `{url}`, `{host}`, `{name}` (of the instance), `{user}`, `{header}` and
    /// `{secret}`.
    pub fn filled(&self, template: &str) -> Zeroizing<String> {
        let host = self.instance.host_and_port().to_string();
        let name = self.instance.host().split('.').next().unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(template.len() + 256));
        let mut rest = template;
        while let Some((before, word, after)) = next_word(rest) {
            text.push_str(before);
            text.push_str(match word {
                "url" => self.instance.origin(),
                "host" => &host,
                "name" => name,
                "user" => self.user,
                "header" => self.key_header,
                "secret" => self.secret(),
                _ => unreachable!("a template has no other word"),
            });
            rest = after;
        }
        text.push_str(rest);
        text
    }

    pub fn secret(&self) -> &str {
        self.secret.map_or(HIDDEN, Secret::expose)
    }

    /// The value of the `Authorization` header of a token.
    pub fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.secret()))
    }
}

/// The text before the next `{word}`, the word, and the text after it.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (word, after) = rest.split_once('}')?;
    Some((before, word, after))
}

/// Lines for a POSIX shell: what the tool shall not find, and what it shall.
fn shell(tool: &Tool, connection: &Connection) -> Zeroizing<String> {
    let variables = tool.variables(connection.given).unwrap_or_default();
    let cleared: Vec<&str> = tool.clears.iter().copied().filter(|name| !name.ends_with('*')).collect();
    let cleared: Vec<&str> =
        cleared.into_iter().filter(|name| variables.iter().all(|(variable, _)| variable != name)).collect();
    let mut text = Zeroizing::new(String::new());
    if !cleared.is_empty() {
        text.push_str(&format!("unset {}\n", cleared.join(" ")));
    }
    for (name, template) in variables {
        if template.contains("{secret}") && connection.secret.is_none() {
            text.push_str(&format!("# export {name}=...   (secret: add --reveal)\n"));
        } else {
            text.push_str(&format!("export {name}={}\n", *quoted(&connection.filled(template))));
        }
    }
    text
}

/// A value that a POSIX shell takes as it is.
pub fn quoted(value: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", value.replace('\'', "'\\''")))
}

/// A value between double quotes, with a backslash before quotes and backslashes: as curl
/// and netrc read it.
pub fn double_quoted(value: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}
