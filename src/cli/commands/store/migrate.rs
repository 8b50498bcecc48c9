//! `snow store migrate`: moves the secrets of connections to another store.
//!
//! In order, under the lock of the connection: each item is copied and compared, then the
//! connection names the new store, then each item is deleted at its old place. So there is
//! no time at which the store that the connection names lacks one, wherever this is
//! interrupted. Run again, it goes on: before the entry was changed from the start; after
//! that with what other stores of this machine still have of the connection.

use std::sync::Arc;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::auth::method;
use crate::base::code::Code;
use crate::base::error::{Failure, exit_code_of};
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::select::{self, all_disabled};
use crate::cli::commands::sign_in;
use crate::cli::commands::stores::{StoreArgs, fields_of};
use crate::cli::completion;
use crate::model::profile::{ConnectionName, Profile, StoreKind, StorePlace};
use crate::report;
use crate::report::json::store::{Migrated, MigratedConnection};
use crate::store::moving::{self, Leftover, Move};
use crate::store::{CredentialStore, Field, ItemKey, Version, kind_of};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow store migrate acme --to file
  snow store migrate --all --to keyring --yes
  snow store migrate acme --to vault --store-address https://vault.example:8200")]
pub struct MigrateArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Move those of every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// The store to move them to
    #[arg(long, value_name = "STORE", value_parser = kind_of, add = ArgValueCandidates::new(completion::stores))]
    pub to: StoreKind,
    #[command(flatten)]
    pub store_settings: StoreArgs,
}

/// What is to be done for one connection.
struct Plan {
    /// As it was when this was planned.
    profile: Profile,
    to: StorePlace,
    /// Where an interrupted move has left items.
    leftovers: Vec<StorePlace>,
}

impl Plan {
    fn changes_store(&self) -> bool {
        self.profile.store != self.to
    }

    fn is_done(&self) -> bool {
        !self.changes_store() && self.leftovers.is_empty()
    }
}

/// How it went for one connection.
struct Outcome {
    plan: Plan,
    /// The items that are gone from their old place.
    items: Vec<String>,
    error: Option<Failure>,
}

pub async fn run(app: &mut App, arguments: MigrateArgs) -> Result<u8, Failure> {
    let profiles = chosen(app, &arguments)?;
    let mut plans = Vec::new();
    for profile in profiles {
        let to = arguments.store_settings.place(arguments.to, Some(&profile.store))?;
        let leftovers = if profile.store == to { leftovers(app, &profile).await? } else { Vec::new() };
        plans.push(Plan { profile, to, leftovers });
    }
    if !plans.iter().all(Plan::is_done) {
        confirm(app, &plans)?;
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for plan in plans {
        let mut items = Vec::new();
        let moved = if plan.is_done() { Ok(()) } else { migrate(app, &plan, &mut items).await };
        if let Err(failure) = &moved
            && failure.code() == Code::Interrupted
        {
            return Err(failure.clone());
        }
        outcomes.push(Outcome { plan, items, error: moved.err() });
        let done = outcomes.iter().filter(|outcome| outcome.error.is_none()).map(|outcome| &outcome.plan.profile.name);
        match Shown::list(done, ", ") {
            names if names.is_empty() => app.changes.taken_back(),
            names => app.changes.are(shown!("The secrets of {} are moved.", names)),
        }
    }
    Ok(report(app, &outcomes))
}

fn chosen(app: &mut App, arguments: &MigrateArgs) -> Result<Vec<Profile>, Failure> {
    let config = app.config_file()?.load()?;
    if arguments.all {
        if config.connections.is_empty() {
            return Err(Failure::new(Code::UnknownConnection, "no connection is saved yet")
                .next(Step::run("snow connect INSTANCE")));
        }
        let profiles: Vec<Profile> = select::all_enabled(app, &config).into_iter().cloned().collect();
        return if profiles.is_empty() { Err(all_disabled(Code::ConnectionDisabled)) } else { Ok(profiles) };
    }
    if arguments.names.is_empty() {
        return Ok(vec![select::select_to_change(app, None, "store migrate")?]);
    }
    select::find_all_enabled(&config, &arguments.names)
}

/// The other stores of this machine that have items of a connection. Of a shared store,
/// whose items other machines may use, it is only said.
async fn leftovers(app: &mut App, profile: &Profile) -> Result<Vec<StorePlace>, Failure> {
    let config = app.config_file()?.load()?;
    let mut places = Vec::new();
    for open in app.stores_unasked(config.connections.values())? {
        // Two places of a shared store may be one and the same.
        if open.place.kind == profile.store.kind {
            continue;
        }
        let items = match open.store.items_of(profile.id).await {
            Ok(items) => items.unwrap_or_default(),
            Err(error) => {
                let (place, message) = (open.place.place(), error.failure().message());
                app.console.note(&format!("note: {place} was not looked at: {message}"));
                continue;
            }
        };
        if items.is_empty() {
            continue;
        }
        if open.store.is_shared() {
            let place = open.store.description().unwrap_or_default();
            app.console.say(&format!(
                "note: {place} has items of {}, too. They stay, since other machines may use them.",
                profile.name
            ));
        } else {
            places.push(open.place);
        }
    }
    Ok(places)
}

fn confirm(app: &mut App, plans: &[Plan]) -> Result<(), Failure> {
    let to_do: Vec<&Plan> = plans.iter().filter(|plan| !plan.is_done()).collect();
    let names = Shown::list(to_do.iter().map(|plan| &plan.profile.name), ", ");
    let mut from: Vec<&str> = Vec::new();
    let mut is_shared = false;
    for plan in &to_do {
        let own = plan.changes_store().then_some(&plan.profile.store);
        for place in own.into_iter().chain(&plan.leftovers) {
            is_shared |= !crate::store::spec_of(place.kind).settings.is_empty();
            if !from.contains(&place.place()) {
                from.push(place.place());
            }
        }
    }
    let (from, to) = (from.join(" and "), plans[0].to.place());
    let others = if is_shared { " Other machines that use them there lose them." } else { "" };
    app.confirm(
        shown!("moving the secrets of {}", names),
        &format!("Move the secrets of {names} from {from} to {to}?{others}"),
    )
}

/// Moves the secrets of one connection. `items` gets what is gone from its old place.
async fn migrate(app: &mut App, plan: &Plan, items: &mut Vec<String>) -> Result<(), Failure> {
    let profile = &plan.profile;
    app.config_file()?.prove()?;
    app.prove_store(&plan.to, profile.id).await.map_err(|failure| not_moved(failure, plan))?;
    let to = app.store(&plan.to)?;
    let _lock = sign_in::lock(app, profile).await?;
    let current = app.config_file()?.load()?.connections.into_values().find(|current| current.id == profile.id);
    if current.as_ref() != Some(profile) {
        return Err(changed_meanwhile(profile));
    }
    if plan.changes_store() {
        let from = app.store(&profile.store).map_err(|failure| not_moved(failure, plan))?;
        let are_shared = from.is_shared() && to.is_shared();
        let are_one = are_shared && moving::are_one(to.as_ref(), from.as_ref(), profile.id).await?;
        let (name, former, new) = (&profile.name, profile.store.place(), plan.to.place());
        app.changes.are(shown!("{} still uses {}. There may be copies in {}.", name, former, new));
        let mut copied = Vec::new();
        let done = if are_one { Ok(()) } else { copy(plan, from.as_ref(), to.as_ref(), &mut copied).await };
        if let Err(failure) = done.and_then(|()| name_store(app, plan)) {
            take_back(app, plan, to.as_ref(), copied).await;
            return Err(failure);
        }
        app.changes.are(shown!("{} uses {} now. What is still in {} is unused.", name, new, former));
        for (field, version) in copied {
            let item = Move { from: from.as_ref(), to: to.as_ref(), key: ItemKey::of(profile, field) };
            item.delete(version).await.map_err(|failure| not_deleted(failure, plan, &item))?;
            items.push(item.key.field.as_str().to_owned());
        }
        if let Some(remark) = from.remark() {
            app.console.say(&remark);
        }
    }
    for place in &plan.leftovers {
        let from = app.store(place)?;
        clean_up(app, plan, from, to.as_ref(), items).await?;
    }
    Ok(())
}

/// Copies every item. `copied` gets those that there are, with the version that was copied.
async fn copy(
    plan: &Plan,
    from: &dyn CredentialStore,
    to: &dyn CredentialStore,
    copied: &mut Vec<(Field, Version)>,
) -> Result<(), Failure> {
    let profile = &plan.profile;
    let listed = from.items_of(profile.id).await.map_err(|error| not_moved(error.into(), plan))?;
    let fields = fields_of(profile, &listed.unwrap_or_default());
    for field in fields.into_iter().filter(|field| *field != Field::PROBE) {
        let item = Move { from, to, key: ItemKey::of(profile, field.clone()) };
        let version = item.copy().await.map_err(|failure| not_copied(failure, plan, &field))?;
        copied.extend(version.map(|version| (field, version)));
    }
    Ok(())
}

/// Deletes the copies again, unless the connection names their store. What stays there for
/// all that is of no use, and goes with the next run.
async fn take_back(app: &App, plan: &Plan, to: &dyn CredentialStore, copied: Vec<(Field, Version)>) {
    if sign_in::place_now(app, &plan.profile).is_ok_and(|place| place != plan.to) {
        for (field, _) in copied {
            let _ = to.delete(ItemKey::of(&plan.profile, field)).await;
        }
    }
}

/// The connection names the new store. If it was changed or removed meanwhile, it stays so.
fn name_store(app: &App, plan: &Plan) -> Result<(), Failure> {
    let profile = &plan.profile;
    let now = app.now();
    let moved = app.config_file()?.change(|change| {
        if change.config().connections.get(&profile.name) != Some(profile) {
            return Err(changed_meanwhile(profile));
        }
        Ok(change.put(Profile { store: plan.to.clone(), ..profile.clone() }, now))
    })?;
    let carried = app.state()?.carry(profile, &moved);
    app.mention_unwritable_state(carried);
    Ok(())
}

/// Moves or deletes what an interrupted run has left in a store of this machine.
async fn clean_up(
    app: &App,
    plan: &Plan,
    from: Arc<dyn CredentialStore>,
    to: &dyn CredentialStore,
    items: &mut Vec<String>,
) -> Result<(), Failure> {
    let profile = &plan.profile;
    let listed = from.items_of(profile.id).await?.unwrap_or_default();
    for key in listed.iter().filter_map(|item| ItemKey::of_account(&item.account)) {
        let item = Move { from: from.as_ref(), to, key };
        let field = item.key.field.clone();
        if field == Field::PROBE {
            from.delete(item.key).await?;
            continue;
        }
        let is_used = method::items_of(profile).contains(&field);
        let version = match item.leftover().await.map_err(|failure| not_deleted(failure, plan, &item))? {
            Leftover::Nothing => continue,
            Leftover::Obsolete(version) => version,
            Leftover::Wanted if is_used => {
                match item.copy().await.map_err(|failure| not_copied(failure, plan, &field))? {
                    Some(version) => version,
                    None => continue,
                }
            }
            Leftover::Wanted | Leftover::Different => {
                let (label, place) = (field.label(), from.kind().place());
                app.console.say(&format!(
                    "note: {place} has a {label} of {}, which is unused. To delete it: snow store purge",
                    profile.name
                ));
                continue;
            }
        };
        item.delete(version).await.map_err(|failure| not_deleted(failure, plan, &item))?;
        items.push(field.as_str().to_owned());
    }
    Ok(())
}

fn changed_meanwhile(profile: &Profile) -> Failure {
    Failure::new(Code::RevisionConflict, shown!("another snow process just changed or removed {}", profile.name))
        .why("Its secrets are where it has them.")
        .next("Run the command again")
}

/// Nothing was moved yet.
fn not_moved(failure: Failure, plan: &Plan) -> Failure {
    let what = shown!("could not move the secrets of {} to {}", plan.profile.name, plan.to.place());
    moving::about(failure, what, still_there(plan))
}

fn not_copied(failure: Failure, plan: &Plan, field: &Field) -> Failure {
    let (field, place) = (Shown::outside(field.label()), plan.to.place());
    let what = shown!("could not move the {} of {} to {}", field, plan.profile.name, place);
    moving::about(failure, what, still_there(plan))
}

fn still_there(plan: &Plan) -> Shown {
    let (name, place) = (&plan.profile.name, plan.profile.store.place());
    shown!("{} still uses {}, where nothing was deleted.", name, place)
}

/// The connection uses the new store already.
fn not_deleted(failure: Failure, plan: &Plan, item: &Move<'_>) -> Failure {
    let field = Shown::outside(item.key.field.label());
    let (name, to, from) = (&plan.profile.name, plan.to.place(), item.from.kind().place());
    let what = shown!("could not delete the {} of {} from {}", field, name, from);
    let again = Step::say("Run the command again, or ").and_run("snow store purge");
    moving::about(failure, what, shown!("{} uses {} now, which has it.", name, to)).next(again)
}

fn report(app: &App, outcomes: &[Outcome]) -> u8 {
    let errors = || outcomes.iter().filter_map(|outcome| outcome.error.as_ref());
    let exit_code = exit_code_of(errors());
    if app.console.json {
        let connections = outcomes.iter().map(|outcome| {
            let Plan { profile, to, .. } = &outcome.plan;
            MigratedConnection {
                name: profile.name.as_str(),
                id: profile.id,
                from: profile.store.as_str(),
                store: if outcome.error.is_some() { now(app, profile) } else { to.as_str() },
                items: &outcome.items,
                error: outcome.error.as_ref().map(Into::into),
            }
        });
        let connections = connections.collect();
        app.console.document(&Migrated { schema: schemas::StoreMigrate, connections, exit_code });
        return exit_code;
    }
    for Outcome { plan, items, error } in outcomes {
        let (name, place) = (&plan.profile.name, plan.to.place());
        match error {
            Some(error) => {
                let text = report::text::error(error, app.console.err);
                app.console.say(&text);
            }
            None if plan.is_done() => {
                app.console.text(&format!("{} {name}: nothing to do, it uses {place}", app.console.out.tick()));
            }
            None => {
                let items = if items.is_empty() { String::new() } else { format!(" ({})", items.join(", ")) };
                app.console.text(&format!("{} {name}: moved to {place}{items}", app.console.out.tick()));
            }
        }
    }
    exit_code
}

/// The store that a connection names by now.
fn now(app: &App, profile: &Profile) -> &'static str {
    sign_in::place_now(app, profile).map_or(profile.store.as_str(), |place| place.kind.as_str())
}
