//! Whether a sign-in can work with a registered OAuth client, judged point by point.

use super::oauth_entity::{Entity, FOR_ITSELF};
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, shown};
use crate::model::oauth_client::GrantType;

/// What the instance has of a client. `None` is unknown.
pub struct Registration {
    pub entity: Entity,
    pub profiles: Option<usize>,
    /// The scopes of the older kind, and those of the newer.
    pub scopes: Option<Vec<String>>,
    pub auth_scopes: Option<Vec<String>>,
    /// Whether clients may sign in for themselves.
    pub for_itself: Option<bool>,
}

/// A saved connection that uses the client.
pub struct User {
    pub name: String,
    pub grant: GrantType,
    pub redirect_uri: String,
    pub pkce: bool,
}

/// How one point is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    Good,
    /// A sign-in may work, but the setting should be changed.
    Doubtful,
    Bad,
    Unknown,
}

/// One point: what was looked at, what it is, and what that means.
pub struct Point {
    pub id: &'static str,
    pub fitness: Fitness,
    pub text: Shown,
}

/// An access token that ends sooner is renewed all the time.
const SHORT: u64 = 300;

/// Judges a client, for the connections that use it.
pub fn judge(registration: &Registration, users: &[User], redactor: &Redactor) -> Vec<Point> {
    let entity = &registration.entity;
    let shown = |text: &str| redactor.server_text(text);
    let has_grant = |grant| {
        let wanted = users.iter().any(|user| user.grant == grant);
        wanted || entity.allows(grant) == Some(true)
    };
    let mut points = vec![active(entity), kind(entity, &shown), grant(entity, users, &shown)];
    if has_grant(GrantType::AuthorizationCode) {
        points.extend([redirect(entity, users, &shown), public(entity, users)]);
    }
    if has_grant(GrantType::ClientCredentials) {
        points.extend([acts_as(entity, &shown), for_itself(registration)]);
    }
    points.extend([lifetimes(entity), scope(registration, &shown), profile(registration)]);
    points
}

fn point(id: &'static str, fitness: Fitness, text: impl Into<Shown>) -> Point {
    Point { id, fitness, text: text.into() }
}

fn unknown(id: &'static str) -> Point {
    point(id, Fitness::Unknown, "this instance does not show it")
}

fn active(entity: &Entity) -> Point {
    match entity.active {
        Some(true) => point("active", Fitness::Good, "the entry is active"),
        Some(false) => point("active", Fitness::Bad, "the entry is inactive: every sign-in is refused"),
        None => unknown("active"),
    }
}

fn kind(entity: &Entity, shown: &dyn Fn(&str) -> Shown) -> Point {
    match entity.kind.as_deref() {
        Some("client") => point("type", Fitness::Good, "it is an endpoint for external clients"),
        None | Some("") => unknown("type"),
        Some(other) => point(
            "type",
            Fitness::Doubtful,
            shown!("its type is {}, and that of an external client is client", shown(other)),
        ),
    }
}

fn grant(entity: &Entity, users: &[User], shown: &dyn Fn(&str) -> Shown) -> Point {
    let refused = users.iter().find(|user| entity.allows(user.grant) == Some(false));
    match (entity.grant.as_deref(), refused) {
        (None | Some(""), _) => unknown("grant"),
        (Some(own), Some(user)) => point(
            "grant",
            Fitness::Bad,
            shown!("it allows {}, and {} signs in by {}", shown(own), Shown::outside(&user.name), word(user.grant)),
        ),
        (Some(own), None) if users.iter().any(|user| entity.allows(user.grant).is_none()) => {
            point("grant", Fitness::Unknown, shown!("it allows {}, which snow does not know", shown(own)))
        }
        (Some(own), None) => point("grant", Fitness::Good, shown!("it allows {}", shown(own))),
    }
}

fn word(grant: GrantType) -> &'static str {
    match grant {
        GrantType::AuthorizationCode => "authorization code",
        GrantType::ClientCredentials => "client credentials",
        GrantType::JwtBearer => "JWT bearer",
        GrantType::Password => "password",
    }
}

fn redirect(entity: &Entity, users: &[User], shown: &dyn Fn(&str) -> Shown) -> Point {
    let Some(uris) = &entity.redirect_uris else { return unknown("redirect") };
    let browsers = || users.iter().filter(|user| user.grant == GrantType::AuthorizationCode);
    let missing = browsers().find(|user| !uris.contains(&user.redirect_uri));
    match (uris.as_slice(), missing) {
        ([], _) => point("redirect", Fitness::Bad, "no redirect URL is registered: no browser can come back"),
        (_, Some(user)) => point(
            "redirect",
            Fitness::Bad,
            shown!(
                "{} comes back to {}, and registered is {}",
                Shown::outside(&user.name),
                Shown::outside(&user.redirect_uri),
                shown(&uris.join(", "))
            ),
        ),
        _ => point("redirect", Fitness::Good, shown!("registered is {}", shown(&uris.join(", ")))),
    }
}

fn public(entity: &Entity, users: &[User]) -> Point {
    let without = users.iter().find(|user| user.grant == GrantType::AuthorizationCode && !user.pkce);
    match (entity.is_public, entity.wants_pkce, without) {
        (None, ..) => unknown("public"),
        (_, Some(true), Some(user)) => point(
            "public",
            Fitness::Bad,
            shown!(
                "it wants PKCE, which {} leaves out: snow edit {} --unset pkce",
                Shown::outside(&user.name),
                Shown::outside(&user.name)
            ),
        ),
        (Some(true), Some(true), _) => point("public", Fitness::Good, "it is public, and PKCE is required"),
        (Some(true), Some(false), _) => {
            point("public", Fitness::Doubtful, "it is public, and PKCE is not required: a stolen code could be used")
        }
        (Some(true), None, _) => point("public", Fitness::Good, "it is public; whether PKCE is required is unknown"),
        (Some(false), ..) => point("public", Fitness::Good, "it has a secret"),
    }
}

fn acts_as(entity: &Entity, shown: &dyn Fn(&str) -> Shown) -> Point {
    match (entity.user.as_deref(), entity.user_active) {
        (None, _) => unknown("user"),
        (Some(""), _) => point("user", Fitness::Bad, "no OAuth application user is set: every token is refused"),
        (Some(user), Some(false)) => point("user", Fitness::Bad, shown!("its user {} is inactive", shown(user))),
        (Some(user), _) => point("user", Fitness::Good, shown!("it acts as {}", shown(user))),
    }
}

fn for_itself(registration: &Registration) -> Point {
    match registration.for_itself {
        Some(true) => point("property", Fitness::Good, "clients may sign in for themselves"),
        Some(false) => point("property", Fitness::Bad, shown!("the property {} is not true", FOR_ITSELF)),
        None => unknown("property"),
    }
}

fn lifetimes(entity: &Entity) -> Point {
    let seconds = |time: Option<u64>| time.map_or(Shown::from("unknown"), |time| shown!("{} s", time));
    let text = shown!(
        "access tokens live {}, refresh tokens {}",
        seconds(entity.access_lifetime),
        seconds(entity.refresh_lifetime)
    );
    let fitness = match (entity.access_lifetime, entity.refresh_lifetime) {
        (None, None) => Fitness::Unknown,
        (Some(access), _) if access < SHORT => Fitness::Doubtful,
        (Some(access), Some(refresh)) if refresh < access => Fitness::Doubtful,
        _ => Fitness::Good,
    };
    point("lifetimes", fitness, text)
}

fn scope(registration: &Registration, shown: &dyn Fn(&str) -> Shown) -> Point {
    let named = [&registration.scopes, &registration.auth_scopes];
    let scopes: Vec<&str> = named.iter().copied().flatten().flatten().map(String::as_str).collect();
    match registration.entity.scope_restriction.as_deref() {
        None | Some("") => unknown("scope"),
        Some("unrestricted") => point("scope", Fitness::Good, "its tokens reach every API"),
        Some(_) if !scopes.is_empty() => point(
            "scope",
            Fitness::Doubtful,
            shown!(
                "its tokens reach only the APIs of its scopes ({}): is the Table API among them?",
                shown(&scopes.join(", "))
            ),
        ),
        Some(_) if named.iter().all(|scopes| scopes.is_some()) => point(
            "scope",
            Fitness::Bad,
            "its tokens are restricted to scopes, and it has none: the Table API returns 403",
        ),
        Some(_) => point(
            "scope",
            Fitness::Doubtful,
            "its tokens are restricted to scopes, and not all of them can be seen here",
        ),
    }
}

fn profile(registration: &Registration) -> Point {
    match registration.profiles {
        None => unknown("profile"),
        Some(0) => point("profile", Fitness::Doubtful, "it has no profile, which the form would have made"),
        Some(_) => point("profile", Fitness::Good, "it has a profile"),
    }
}
