//! `snow env`: a connection in the form of another tool.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::select::{self, Selected};
use super::token::mask_in_action_logs;
use super::{exec, handover};
use crate::auth::api_key;
use crate::auth::certificate::files::Files;
use crate::auth::credential::Given;
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability};
use crate::base::schemas;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::args::path;
use crate::cli::completion;
use crate::config::environment as variables;
use crate::model::instance::Instance;
use crate::model::profile::{Auth, ConnectionName};
use crate::report::json::tools::{Toolbox, Tools};
use crate::report::text::tools::list as list_of_tools;
use crate::service;
use crate::service::tools::{self, Connection, Form, Tool};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow env acme --for ansible
  snow env acme --for newman --out acme.json
  snow env acme --for pysnow
  snow env --list

Without --reveal or --out, no secret is printed and the keyring is not asked. For a program that \
reads variables, snow exec is safer: its credential is in no file. The secret of a FILE is as it is \
now; an access token ends soon.")]
pub struct EnvArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names), conflicts_with = "list")]
    pub name: Option<ConnectionName>,
    /// The tool; --list has them
    #[arg(long = "for", value_name = "TOOL", value_parser = exec::tools(), hide_possible_values = true,
        required_unless_present = "list", conflicts_with = "list")]
    pub tool: Option<String>,
    /// Print the secret too
    #[arg(long, conflicts_with = "list")]
    pub reveal: bool,
    /// Write to this file, for your user alone, with the secret
    #[arg(long, value_name = "FILE", value_parser = path(), conflicts_with_all = ["reveal", "list"])]
    pub out: Option<PathBuf>,
    /// List the tools, what each takes, and what was tried
    #[arg(long)]
    pub list: bool,
}

pub async fn run(app: &mut App, arguments: EnvArgs) -> Result<u8, Failure> {
    let Some(tool) = arguments.tool.as_deref().map(tool) else {
        list(app);
        return Ok(0);
    };
    let selection = select::select_one(app, arguments.name.as_ref(), Code::UnknownConnection)?;
    let is_revealed = arguments.reveal || arguments.out.is_some();
    let (name, instance, auth) = match &selection.selected {
        Selected::Saved(profile) => (profile.name.to_string(), profile.instance.clone(), profile.auth.clone()),
        Selected::Environment => {
            let described = variables::read(&app.variables)?;
            (variables::NAME.to_owned(), described.instance, described.auth)
        }
    };
    // Code has nothing secret in it, and paths of files are none.
    let is_without_secret =
        matches!(tool.form, Form::Code(_)) || MethodSpec::of(auth.method).given == Given::Certificate;
    if !is_revealed || is_without_secret {
        refuse_kind(tool, &name, &auth)?;
        let text = tool.text(&connection(&name, &instance, &auth, None));
        return put(app, arguments.out, &text, &name, tool);
    }
    selection.check_named("snow env writes its credential in clear")?;
    let handed_over = handover::open(app, selection, std::time::Duration::ZERO).await?;
    refuse_kind(tool, &handed_over.name, &handed_over.auth)?;
    if let (None, Some(secret)) = (&arguments.out, &handed_over.secret) {
        mask_in_action_logs(app, secret.expose());
    }
    let secret = handed_over.secret.as_ref();
    let text = tool.text(&connection(&handed_over.name, &handed_over.instance, &handed_over.auth, secret));
    put(app, arguments.out, &text, &handed_over.name, tool)
}

fn put(app: &mut App, out: Option<PathBuf>, text: &str, name: &str, tool: &Tool) -> Result<u8, Failure> {
    let Some(path) = out else {
        app.console.secret(text.trim_end());
        return Ok(0);
    };
    let path = files::absolute(&path);
    files::write(&path, text.as_bytes(), Durability::Durable).map_err(|error| {
        Failure::new(Code::OutputUnwritable, shown!("could not write {}", path.display()))
            .why(shown!("{}.", error))
            .next("Check the directory and its permissions")
    })?;
    app.console.note(&format!("{} Wrote {name} for {} to {}", app.console.err.tick(), tool.name, path.display()));
    Ok(0)
}

fn list(app: &mut App) {
    if app.console.json {
        let tools = tools::all().iter().map(|tool| Toolbox::of(tool)).collect();
        app.console.document(&Tools { schema: schemas::Tools, tools });
    } else {
        app.console.data(&list_of_tools(tools::all(), app.console.out));
    }
}

/// The tool of this name, which clap has checked.
pub fn tool(name: &str) -> &'static Tool {
    tools::all().iter().copied().find(|tool| tool.name == name).expect("clap takes no other name")
}

/// A connection as a tool is given it.
pub fn connection<'a>(
    name: &'a str,
    instance: &'a Instance,
    auth: &'a Auth,
    secret: Option<&'a Secret>,
) -> Connection<'a> {
    let given = MethodSpec::of(auth.method).given;
    let user = auth.username.as_ref().map_or("", |user| user.as_str());
    Connection {
        name,
        instance,
        given,
        user,
        key_header: api_key::header_name(auth),
        certificate: Files::of(auth),
        secret,
    }
}

/// The header of an API key, if it is not the usual one.
pub fn own_key_header(auth: &Auth) -> Option<&str> {
    let header = api_key::header_name(auth);
    Some(header).filter(|header| MethodSpec::of(auth.method).given == Given::Key && *header != auth.defaults.key_header)
}

/// Refuses what a tool cannot take.
pub fn refuse_kind(tool: &Tool, name: &str, auth: &Auth) -> Result<(), Failure> {
    let service = service::of(auth);
    let label = service.defaults().label;
    if tool.services().all(|known| known.defaults().spec != service.defaults().spec) {
        return Err(Failure::new(
            Code::Usage,
            shown!("{} does not work with {}, and {} is a connection to it", tool.name, label, Shown::outside(name)),
        )
        .next(Step::run("snow env --list").and_say(" shows the tools of each service")));
    }
    let spec = MethodSpec::of(auth.method);
    let argument = if name == variables::NAME { Shown::from("") } else { shown!(" {}", Shown::outside(name)) };
    let name = Shown::outside(name);
    let why = match (own_key_header(auth), tool.key_header) {
        _ if tool.variables(spec.given).is_none() => shown!("{} signs in with {}.", &name, spec.phrase),
        (Some(header), Some(theirs)) => {
            shown!("{} needs the API key in {}, and it sends one in {} alone.", &name, Shown::outside(header), theirs)
        }
        _ => return Ok(()),
    };
    Err(Failure::new(Code::Usage, shown!("{} cannot take the credential of {}", tool.name, &name))
        .why(why)
        .next(Step::say("Use the gateway instead: ").and_run(shown!("snow proxy{}", argument)))
        .next(Step::say("See what each tool takes: ").and_run("snow env --list")))
}
