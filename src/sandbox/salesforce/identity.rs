//! Who a token speaks for: `userinfo`, `/id/ORG/USER`, and the metadata of OpenID. A dead
//! token is told in plain text here, with 403.

use std::time::Instant;

use chrono::Utc;
use serde_json::{Value, json};

use super::answers::{ok, plain};
use super::ids::short;
use super::org::{Org, bearer};
use super::people::{Access, User, org_id};
use super::rest::{LATEST, ROOT};
use super::scenario::Scenario;
use crate::sandbox::answers::Response;
use crate::sandbox::request::Request;

impl Org {
    pub(super) fn userinfo(&mut self, request: &Request<'_>, now: Instant) -> Response {
        let Some(token) = bearer(request, true) else { return plain(403, "Missing_OAuth_Token") };
        let session = self.tokens.find(token, now);
        let Some(session) = session.filter(|_| self.scenario != Some(Scenario::UserinfoRefused)) else {
            return plain(403, "Bad_OAuth_Token");
        };
        let user = session.user;
        ok(&json!({
            "sub": self.identity_url(user),
            "user_id": user.id(),
            "organization_id": org_id(),
            "preferred_username": user.user_name,
            "nickname": user.first_name,
            "name": user.name(),
            "email": user.email,
            "email_verified": true,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "zoneinfo": "Europe/Berlin",
            "urls": self.urls(user),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 3_600_000,
            "updated_at": Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }))
    }

    /// `/id/ORG/USER`, for the user whose token it is.
    pub(super) fn identity(&mut self, request: &Request<'_>, path: &str, now: Instant) -> Response {
        let Some(token) = bearer(request, true) else { return plain(403, "Missing_OAuth_Token") };
        let Some(session) = self.tokens.find(token, now) else { return plain(403, "Bad_OAuth_Token") };
        let mut parts = path.trim_start_matches("/id/").split('/');
        if parts.next().map(short) != Some(short(&org_id())) {
            return plain(403, "Wrong_Org");
        }
        if parts.next().and_then(User::with_id).map(User::id) != Some(session.user.id()) {
            return plain(403, "Bad_Id");
        }
        let user = session.user;
        ok(&json!({
            "id": self.identity_url(user),
            "asserted_user": true,
            "user_id": user.id(),
            "organization_id": org_id(),
            "username": user.user_name,
            "nick_name": user.first_name,
            "display_name": user.name(),
            "email": user.email,
            "email_verified": true,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "timezone": "Europe/Berlin",
            "active": user.access != Access::Frozen,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "urls": self.urls(user),
        }))
    }

    pub(super) fn metadata(&self) -> Response {
        let at = |path: &str| format!("{}{path}", self.origin);
        ok(&json!({
            "issuer": self.origin,
            "authorization_endpoint": at("/services/oauth2/authorize"),
            "token_endpoint": at("/services/oauth2/token"),
            "revocation_endpoint": at("/services/oauth2/revoke"),
            "userinfo_endpoint": at("/services/oauth2/userinfo"),
            "introspection_endpoint": at("/services/oauth2/introspect"),
            "scopes_supported": ["api", "web", "full", "id", "openid", "refresh_token"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        }))
    }

    pub(super) fn identity_url(&self, user: &User) -> String {
        format!("{}/id/{}/{}", self.origin, org_id(), user.id())
    }

    fn urls(&self, user: &User) -> Value {
        let rest = |path: &str| format!("{}{ROOT}/v{{version}}/{path}", self.origin);
        let soap = |kind: &str| format!("{}/services/Soap/{kind}/{{version}}/{}", self.origin, short(&org_id()));
        json!({
            "enterprise": soap("c"),
            "partner": soap("u"),
            "rest": rest(""),
            "sobjects": rest("sobjects/"),
            "query": rest("query/"),
            "profile": format!("{}/{}", self.origin, user.id()),
            "custom_domain": self.origin,
            "versions": format!("{}{ROOT}/v{LATEST}.0", self.origin),
        })
    }
}
