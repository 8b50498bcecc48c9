//! Taking back what a failed `snow app create` made: here, and on the instance.

use crate::auth::method;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::app::App;
use crate::client::{Client, apps};
use crate::config::ConfigFile;
use crate::model::profile::Profile;
use crate::service::servicenow::oauth_entity::PLACE;
use crate::store::ItemKey;

/// Deletes the client and the connection. What is left is named in the failure.
pub async fn after(app: &mut App, file: &ConfigFile, client: &Client, profile: &Profile, failure: Failure) -> Failure {
    let oauth = profile.auth.client().expect("a client was registered");
    let client_id = oauth.client_id.to_string();
    let removed = {
        let _progress = app.console.progress("Deleting what was registered");
        apps::remove(client, &client_id, oauth.grant).await
    };
    local(app, file, profile).await;
    let why = failure.reason().map(|why| shown!("{} ", why)).unwrap_or_default();
    match removed {
        Ok(true) => {
            app.changes.taken_back();
            failure.why(shown!("{}The new client was deleted again.", why))
        }
        Ok(false) => {
            app.changes.taken_back();
            failure.why(shown!("{}No client was registered.", why))
        }
        Err(left) => {
            let client_id = Shown::outside(&client_id);
            app.changes.are(shown!("The client {} may still be registered.", client_id));
            failure
                .why(shown!("{}The client {} may still be registered: {}.", why, client_id, left.message()))
                .first(shown!("Delete the client {} in {}", client_id, PLACE))
                .evidence("client_id", client_id)
        }
    }
}

/// Deletes the connection and its secrets.
pub async fn local(app: &mut App, file: &ConfigFile, profile: &Profile) {
    if let Ok(store) = app.store(&profile.store) {
        for field in method::items_of(profile) {
            let _ = store.delete(ItemKey::of(profile, field)).await;
        }
    }
    let removed = file.change(|change| {
        if change.config().connections.get(&profile.name).is_some_and(|saved| saved.id == profile.id) {
            change.remove(&profile.name);
        }
        Ok::<_, Failure>(())
    });
    if removed.is_err() {
        app.console.say(&format!("note: {} could not be removed: snow remove {}", profile.name, profile.name));
    }
    if let Ok(state) = app.state() {
        app.mention_unwritable_state(state.forget(profile.id));
    }
}
