//! `snow app check`: reads how a client is registered, and judges it. Nothing is written.

use clap::Args;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::using;
use crate::client::apps;
use crate::model::instance::Instance;
use crate::model::oauth_client::ClientId;
use crate::report::json::apps as json;
use crate::report::text::labelled;
use crate::service::servicenow::oauth_entity::Entity;
use crate::service::servicenow::oauth_fitness::{Fitness, Point, User, judge};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow app check --client-id 8f2c41d0
  snow -c acme app check --client-id 8f2c41d0 --json

Reads the entry of the client, its profiles and scopes, and the property that
client credentials need, with the connection of an administrator. Each saved
connection of the instance that uses the client is held against it: its redirect
URI and how it signs in. What the instance does not show is unknown. Exit 11 if
a sign-in cannot work.")]
pub struct CheckArgs {
    /// The client [default: that of the connection]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<ClientId>,
}

pub async fn run(app: &mut App, arguments: CheckArgs) -> Result<u8, Failure> {
    let chosen = using::choose(app)?;
    let own = chosen.profile().and_then(|profile| Some(profile.auth.client()?.client_id.clone()));
    let client_id = arguments.client_id.or(own).ok_or_else(|| {
        Failure::new(Code::Usage, "the client id is missing")
            .why("The connection has no OAuth client whose entry could be judged.")
            .next("Give it with --client-id ID")
    })?;
    let client = using::open(app, chosen, false).await?;
    let instance = client.connection().instance().clone();
    let users = users(app, &instance, &client_id)?;
    let registration = {
        let _progress = app.console.progress("Reading the entry of the client");
        apps::registration(&client, client_id.as_str()).await?
    };
    let points = judge(&registration, &users, &client.connection().redactor());
    let is_good = points.iter().all(|point| point.fitness != Fitness::Bad);
    let exit_code = if is_good { 0 } else { Code::ClientUnfit.class().exit_code() };
    if app.console.json {
        let connections = users.iter().map(|user| user.name.as_str()).collect();
        app.console.document(&document(&registration.entity, &instance, connections, &points, exit_code));
        return Ok(exit_code);
    }
    let paint = app.console.out;
    let name = registration.entity.name.as_deref().unwrap_or_default();
    let name = client.connection().redactor().server_text(name);
    let mut lines = vec![format!("{}  {name}", paint.bold(client_id.as_str()))];
    for point in &points {
        let mark = match point.fitness {
            Fitness::Good => paint.tick(),
            Fitness::Doubtful => paint.bang(),
            Fitness::Bad => paint.cross(),
            Fitness::Unknown => paint.dash(),
        };
        lines.push(labelled(&format!("{mark} {}", point.id), &point.text, paint, 16));
    }
    app.console.data(&lines.join("\n"));
    if is_good {
        return Ok(0);
    }
    let bad: Vec<&str> = points.iter().filter(|point| point.fitness == Fitness::Bad).map(|point| point.id).collect();
    let host = instance.host_and_port();
    Err(Failure::new(Code::ClientUnfit, shown!("no sign-in can work with {} as it is on {}", client_id, host))
        .why(shown!("See {} above.", crate::base::shown::Shown::outside(bad.join(", "))))
        .next(
            Step::say("How it should be: ")
                .and_run("snow guide oauth")
                .and_say(" or ")
                .and_run("snow guide client-credentials"),
        ))
}

/// The saved connections of the instance that use the client.
fn users(app: &App, instance: &Instance, client_id: &ClientId) -> Result<Vec<User>, Failure> {
    let config = app.config_file()?.load()?;
    let users = config.connections.values().filter(|profile| profile.instance == *instance).filter_map(|profile| {
        let client = profile.auth.client().filter(|client| client.client_id == *client_id)?;
        Some(User {
            name: profile.name.to_string(),
            grant: client.grant,
            redirect_uri: client.redirect_uri.to_string(),
            pkce: client.pkce,
        })
    });
    Ok(users.collect())
}

fn document<'a>(
    entity: &'a Entity,
    instance: &'a Instance,
    connections: Vec<&'a str>,
    points: &'a [Point],
    exit_code: u8,
) -> json::AppCheck<'a> {
    json::AppCheck {
        schema: schemas::AppCheck,
        ok: exit_code == 0,
        exit_code,
        instance: instance.origin(),
        client: json::RegisteredClient {
            client_id: &entity.client_id,
            sys_id: &entity.sys_id,
            name: entity.name.as_deref(),
            active: entity.active,
            grant: entity.grant.as_deref(),
            redirect_uris: entity.redirect_uris.as_deref(),
            public: entity.is_public,
            pkce_required: entity.wants_pkce,
            user: entity.user.as_deref(),
            access_token_seconds: entity.access_lifetime,
            refresh_token_seconds: entity.refresh_lifetime,
            scope_restriction: entity.scope_restriction.as_deref(),
        },
        connections,
        checks: points
            .iter()
            .map(|point| json::AppPoint {
                id: point.id,
                status: match point.fitness {
                    Fitness::Good => "pass",
                    Fitness::Doubtful => "warn",
                    Fitness::Bad => "fail",
                    Fitness::Unknown => "unknown",
                },
                text: &point.text,
            })
            .collect(),
    }
}
