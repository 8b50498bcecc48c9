//! A saved connection, opened: its headers and its credential come from the store.

use std::sync::Arc;

use super::network::Network;
use crate::auth::credential::Credential;
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::{MethodSpec, Stored};
use crate::auth::oauth::renewal::AtRisk;
use crate::base::error::Failure;
use crate::base::time::Time;
use crate::history::account::Account;
use crate::history::state::{SessionNote, State};
use crate::http::client::Client;
use crate::model::profile::{Profile, Subject};
use crate::model::tokens::SavedSession;
use crate::store::CredentialStore;
use crate::store::record::Origins;

/// What a saved connection is used with.
pub struct Opened {
    /// Sends the headers and the certificate of the connection.
    pub client: Client,
    pub credential: Box<dyn Credential>,
}

/// Reads the store; no request is made. A password that was refused too often is sent for a
/// session only if that `insists`.
pub async fn open(
    network: &Network,
    state: State,
    time: Arc<dyn Time>,
    store: Arc<dyn CredentialStore>,
    profile: &Profile,
    (client, origins): (Client, Origins),
    insists: bool,
) -> Result<Opened, Failure> {
    let access = GatewayAccess::read(store.as_ref(), profile, &origins, time.now()).await?;
    let client = access.added_to(client, &profile.instance);
    let endpoint = network.token_endpoint_of(profile, &client, Subject::Saved(profile.name.clone()))?;
    let method = profile.auth.method;
    let (lock, noted) = (state.session_lock(profile.id), profile.clone());
    let account =
        Account::of_session(profile, state.clone(), insists).map(|account| Box::new(account) as Box<dyn AtRisk>);
    // What could be forgotten is no reason to fail.
    let note = move |session: &SavedSession| drop(state.record_session(&noted, SessionNote::of(session, method)));
    let note = Box::new(note);
    let stored = Stored { profile, store, origins, endpoint, lock, note, account, time };
    Ok(Opened { client, credential: (MethodSpec::of(method).open)(stored).await? })
}
