//! `snow spec`: the services, and what a connection to each takes. Makes no request.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::connect::args::service_spec;
use crate::auth::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::cli::completion;
use crate::report::json::spec::{Spec, Specs};
use crate::report::text::{columns, fitting};
use crate::service::{self, SERVICES, Service};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow spec
  snow spec servicenow
  snow spec servicenow --json | jq '.specs[0].schema'

With --json it prints a JSON Schema of the connection.")]
pub struct SpecArgs {
    /// The service [default: all]
    #[arg(value_parser = service_spec, add = ArgValueCandidates::new(completion::services))]
    pub service: Option<&'static str>,
}

pub fn run(app: &mut App, arguments: SpecArgs) -> Result<u8, Failure> {
    let chosen: Vec<&dyn Service> = match arguments.service {
        Some(name) => vec![service::named(name).expect("the command line has checked it")],
        None => SERVICES.to_vec(),
    };
    if app.console.json {
        let specs = chosen.into_iter().map(Spec::of).collect();
        app.console.document(&Specs { schema: schemas::Spec, specs });
        return Ok(0);
    }
    let texts: Vec<_> = chosen.into_iter().map(|service| text(app, service)).collect();
    app.console.data(&texts.join("\n\n"));
    Ok(0)
}

/// A service: its ways to sign in, and what each takes.
fn text(app: &App, service: &dyn Service) -> String {
    let (paint, defaults, adobe) = (app.console.out, service.defaults(), service.adobe());
    let rows = service.methods().iter().filter(|spec| spec.is_saved).map(|spec| {
        let settings = spec.settings().filter(|setting| setting.is_required).map(|setting| setting.key);
        let blank = spec.blank(service.defaults());
        let is_required = |need: crate::auth::setting::Need| need.is_required();
        let secrets = spec.secrets.iter().filter(|usage| is_required((usage.need)(&blank, &GivenSecrets::default())));
        let secrets = secrets.map(|usage| usage.input.flag);
        vec![
            spec.method.as_str().to_owned(),
            settings.collect::<Vec<_>>().join(", "),
            secrets.collect::<Vec<_>>().join(", "),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let head = format!("{}  {}", paint.bold(defaults.spec), defaults.label);
    let table = columns::table(&["SIGN-IN", "NEEDS", "SECRETS"], rows, paint);
    let adobe = format!("Adobe's connection spec {} {}", adobe.ids[0], adobe.version);
    format!("{head}\n{}\n{table}", paint.dim(&fitting(&adobe, paint)))
}
