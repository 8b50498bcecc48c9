//! Shell completion: the names of saved connections, from the file alone, and
//! error codes.

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;

use crate::auth::method::{MethodSpec, saved_methods};
use crate::base::code::Code;
use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::cli::explain::explanation;
use crate::config::ConfigFile;
use crate::model::profile::StoreKind;
use crate::report::format::Format;
use crate::store::STORES;

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "SNOW_COMPLETE";

/// Answers a shell and ends the process, where a shell asks.
pub fn answer_shell() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).bin("snow").completer("snow").complete();
}

/// The saved names, with where they lead; none where the file cannot be read.
pub fn connection_names() -> Vec<CompletionCandidate> {
    let context = Context::system();
    let Ok(directory) = context.config_directory() else {
        return Vec::new();
    };
    let file = ConfigFile { path: directory.join("config.toml"), lock: directory };
    let config = file.load().unwrap_or_default();
    config
        .connections
        .into_values()
        .map(|profile| {
            CompletionCandidate::new(profile.name.as_str())
                .help(Some(String::from(profile.instance.host_and_port()).into()))
        })
        .collect()
}

/// The ways to sign in of saved connections.
pub fn auth_methods() -> Vec<CompletionCandidate> {
    let candidate =
        |spec: &MethodSpec| CompletionCandidate::new(spec.method.as_str()).help(Some(spec.method.label().into()));
    saved_methods().map(candidate).collect()
}

/// The forms of a report.
pub fn formats() -> Vec<CompletionCandidate> {
    Format::ALL.iter().map(|format| CompletionCandidate::new(format.as_str())).collect()
}

/// The stores.
pub fn stores() -> Vec<CompletionCandidate> {
    let candidate = |kind: StoreKind| CompletionCandidate::new(kind.as_str()).help(Some(kind.place().into()));
    STORES.iter().map(|spec| candidate(spec.kind)).collect()
}

/// The error codes, with their summaries.
pub fn error_codes() -> Vec<CompletionCandidate> {
    let candidate = |code: &Code| CompletionCandidate::new(code.as_str()).help(Some(explanation(*code).summary.into()));
    Code::ALL.iter().map(candidate).collect()
}
