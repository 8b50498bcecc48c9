//! The entry of an OAuth client on an instance, as an administrator's connection reads it.

use serde::Deserialize;

use super::request::Client;
use super::tables::collected;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step as Advice, shown};
use crate::model::oauth_client::GrantType;
use crate::model::user_name::UserName;
use crate::service::rows::{Row, RowQuery};
use crate::service::servicenow::oauth_entity::{
    self, CERTIFICATE_TABLE, Entity, FOR_ITSELF, NewEntity, PLACE, VERIFIER_TABLE,
};
use crate::service::servicenow::oauth_fitness::Registration;

/// More rows than one client has.
const MOST: u64 = 200;

/// The registration of a client.
pub async fn registration(client: &Client, client_id: &str) -> Result<Registration, Failure> {
    let found = entities(client, "client_id", client_id).await?;
    // The instance is not believed: a term that it drops finds any entry.
    let entity = found.into_iter().find(|entity| entity.client_id == client_id);
    let entity = entity.ok_or_else(|| missing(client, client_id))?;
    let id = entity.sys_id.clone();
    let of_it = |row: &Row<'_>, text: String| (row.value("oauth_entity").as_deref() == Some(&id)).then_some(text);
    let first = |row: &Row<'_>, fields: [&str; 2]| {
        let mut texts = fields.into_iter().filter_map(|field| row.value(field)).filter(|text| !text.is_empty());
        texts.next().map(|text| text.into_owned())
    };
    let profiles = optional(client, oauth_entity::profiles(&id), |row| of_it(row, String::new())).await?;
    let scopes = oauth_entity::scopes(&id);
    let scopes = optional(client, scopes, |row| of_it(row, first(row, ["oauth_entity_scope", "name"])?)).await?;
    let auth_scopes = oauth_entity::auth_scopes(&id);
    let auth_scopes =
        optional(client, auth_scopes, |row| of_it(row, first(row, ["auth_scope.name", "auth_scope"])?)).await?;
    let for_itself = for_itself(client).await?;
    Ok(Registration { entity, profiles: profiles.map(|rows| rows.len()), scopes, auth_scopes, for_itself })
}

/// The entries whose `field` has this value.
pub async fn entities(client: &Client, field: &'static str, value: &str) -> Result<Vec<Entity>, Failure> {
    let found = collected(client, oauth_entity::entities(field, value), Some(MOST), Entity::of).await;
    found.map(|(entities, _)| entities).map_err(|failure| match failure.class() {
        Class::Forbidden => failure
            .next("Use a connection of a user with the role admin, oauth_admin or mi_admin: snow -c NAME app check"),
        _ => failure,
    })
}

/// Whether clients may sign in for themselves.
pub async fn for_itself(client: &Client) -> Result<Option<bool>, Failure> {
    let pair = |row: &Row<'_>| Some((row.value("name")?.into_owned(), row.value("value")?.into_owned()));
    let rows = optional(client, oauth_entity::properties(), pair).await?;
    Ok(rows.and_then(|rows| oauth_entity::property(&rows)))
}

/// What is made of each row; `None` if the table is not there, or not all of it is visible.
async fn optional<T>(
    client: &Client,
    query: RowQuery,
    make: impl Fn(&Row<'_>) -> Option<T>,
) -> Result<Option<Vec<T>>, Failure> {
    match collected(client, query, Some(MOST), make).await {
        Ok((rows, hides_some)) => Ok(Some(rows).filter(|_| !hides_some)),
        Err(failure) if failure.class() == Class::Forbidden || failure.code() == Code::TableMissing => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn missing(client: &Client, client_id: &str) -> Failure {
    let host = client.connection().instance().host_and_port();
    Failure::new(Code::RecordMissing, shown!("{} shows no OAuth client {}", host, Shown::outside(client_id)))
        .why("The client is not registered there (any more), or this user may not see it.")
        .next(shown!("Look for it in {}", PLACE))
        .next("Or use a connection of an administrator: snow -c NAME app check --client-id ID")
}

/// Whether a client of this name can be registered for this user. Gives the key of the user.
pub async fn ready(
    client: &Client,
    name: &str,
    grant: GrantType,
    user: Option<&UserName>,
) -> Result<Option<String>, Failure> {
    let host = client.connection().instance().host_and_port();
    let not_ready = |message: Shown| Failure::new(Code::AppNotReady, message).why("Nothing was registered.");
    if let Some(entity) =
        entities(client, "name", name).await?.into_iter().find(|entity| entity.name.as_deref() == Some(name))
    {
        let (name, id) = (Shown::outside(name), client.connection().redactor().server_text(&entity.client_id));
        return Err(Failure::new(Code::AppExists, shown!("{} already has an OAuth client named \"{}\"", host, name))
            .why(shown!("Its client id is {}. Nothing was registered.", id))
            .next("Choose another name with --app-name")
            .next(Advice::say("Or see how it is registered: ").and_run(shown!("snow app check --client-id {}", id))));
    }
    let Some(user) = user else { return Ok(None) };
    if grant == GrantType::ClientCredentials && for_itself(client).await? == Some(false) {
        let message = shown!("{} does not let clients sign in for themselves", host);
        return Err(not_ready(message)
            .next(shown!("Set the system property {} to true", FOR_ITSELF))
            .next(Advice::run("snow guide client-credentials").and_say(" has the steps")));
    }
    let found = collected(client, oauth_entity::user(user.as_str()), Some(MOST), |row: &Row<'_>| {
        let is_it = row.value("user_name").is_some_and(|name| user.matches(&name));
        let id = row.value("sys_id").filter(|id| !id.is_empty())?;
        is_it.then(|| (id.into_owned(), row.value("active").as_deref() == Some("false")))
    });
    match found.await?.0.into_iter().next() {
        None => Err(not_ready(shown!("{} has no user {}", host, user)).next("Use the user name of an existing user")),
        Some((_, true)) => {
            Err(not_ready(shown!("the user {} is inactive on {}", user, host)).next("Activate it, or use another user"))
        }
        Some((id, false)) => Ok(Some(id)),
    }
}

#[derive(Deserialize)]
struct Created {
    result: CreatedRow,
}

#[derive(Deserialize)]
struct CreatedRow {
    sys_id: String,
    client_id: Option<String>,
}

/// Registers a client, with the profile that a form would make. Gives its key.
pub async fn register(client: &Client, entity: &NewEntity<'_>, secret: Option<&Secret>) -> Result<String, Failure> {
    let sent = client.request("POST", entity.table()).body(entity.body(secret)).send().await?;
    let answer = sent.check().await.map_err(|failure| match failure.class() {
        Class::Forbidden => {
            failure.next(Advice::say("Or have an administrator do it by hand: ").and_run(match entity.grant {
                GrantType::AuthorizationCode => "snow guide oauth",
                GrantType::ClientCredentials => "snow guide client-credentials",
                GrantType::JwtBearer => "snow guide jwt-bearer",
                GrantType::Password => "snow guide basic",
            }))
        }
        _ => failure,
    })?;
    let Created { result } = answer.json().await?;
    if result.client_id.as_deref().is_some_and(|id| id != entity.client_id) {
        return Err(Failure::new(Code::UnexpectedAnswer, "the instance registered the client with another client id")
            .next("Register it by hand: snow guide oauth"));
    }
    let profiles = optional(client, oauth_entity::profiles(&result.sys_id), |row| {
        (row.value("oauth_entity").as_deref() == Some(&*result.sys_id)).then_some(())
    });
    if profiles.await?.is_some_and(|profiles| profiles.is_empty()) {
        let body = entity.profile(&result.sys_id);
        client.request("POST", oauth_entity::PROFILE_TABLE).body(body).send().await?.check().await?;
    }
    if let Some(verifier) = &entity.verifier {
        let certificate = create(client, CERTIFICATE_TABLE, entity.certificate(verifier)).await?;
        create(client, VERIFIER_TABLE, entity.verifier(verifier, &result.sys_id, &certificate.sys_id)).await?;
    }
    Ok(result.sys_id)
}

async fn create(client: &Client, table: &str, body: String) -> Result<CreatedRow, Failure> {
    let created: Created = client.request("POST", table).body(body).send().await?.check().await?.json().await?;
    Ok(created.result)
}

/// Deletes every entry of this client id, its profiles, and what verifies its assertions.
/// False if there is no entry.
pub async fn remove(client: &Client, client_id: &str, grant: GrantType) -> Result<bool, Failure> {
    if grant == GrantType::JwtBearer {
        remove_key(client, client_id).await?;
    }
    let found = entities(client, "client_id", client_id).await?;
    let mut is_any = false;
    // The instance is not believed: a term that it drops finds any entry.
    for entity in found.into_iter().filter(|entity| entity.client_id == client_id) {
        let profiles = optional(client, oauth_entity::profiles(&entity.sys_id), |row| {
            let is_its = row.value("oauth_entity").as_deref() == Some(&*entity.sys_id);
            is_its.then(|| row.value("sys_id").map(|id| id.into_owned())).flatten()
        });
        for profile in profiles.await?.into_iter().flatten() {
            delete(client, oauth_entity::PROFILE_TABLE, &profile).await?;
        }
        delete(client, oauth_entity::TABLE, &entity.sys_id).await?;
        is_any = true;
    }
    Ok(is_any)
}

/// Deletes the lines with the key of a client and then the certificates, which they name.
async fn remove_key(client: &Client, client_id: &str) -> Result<(), Failure> {
    let name = oauth_entity::key_name(client_id);
    for (table, path) in [("jwt_verifier_map", VERIFIER_TABLE), ("sys_certificate", CERTIFICATE_TABLE)] {
        let rows = optional(client, oauth_entity::of_key(table, client_id), |row| {
            let is_its = row.value("name").as_deref() == Some(&*name);
            is_its.then(|| row.value("sys_id").map(|id| id.into_owned())).flatten()
        });
        for id in rows.await?.into_iter().flatten() {
            delete(client, path, &id).await?;
        }
    }
    Ok(())
}

async fn delete(client: &Client, table: &str, id: &str) -> Result<(), Failure> {
    match client.request("DELETE", &format!("{table}/{id}")).send().await?.check().await {
        Ok(_) => Ok(()),
        // An instance deletes the profiles with their entry.
        Err(failure) if failure.code() == Code::RecordMissing => Ok(()),
        Err(failure) => Err(failure),
    }
}
