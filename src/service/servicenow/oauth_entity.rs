//! The entry of an OAuth client on the instance, and what belongs to it: how it is asked for,
//! and whether a sign-in can work with it. A column or table that is not there, or not
//! visible, is unknown, and never taken for an empty one.

use serde_json::json;

use super::dictionary::query;
use super::encoded::escaped;
use crate::base::secret::Secret;
use crate::model::oauth_client::GrantType;
use crate::service::rows::{Row, RowQuery};

/// The property without which no client may sign in for itself.
pub const FOR_ITSELF: &str = "glide.oauth.inbound.client.credential.grant_type.enabled";
/// A property that every instance has. Whether it is visible tells whether others are.
const WITNESS: &str = "glide.buildname";
/// What an administrator calls the table.
pub const PLACE: &str = "System OAuth > Application Registry";
/// The path of the table below the Table API, as a request writes it.
pub const TABLE: &str = "table/oauth_entity";
/// Where a client that signs assertions is; it extends the table above.
pub const SIGNER_TABLE: &str = "table/oauth_jwt";
pub const PROFILE_TABLE: &str = "table/oauth_entity_profile";
/// What verifies the assertions of a client: a certificate, and the line that names its key.
pub const CERTIFICATE_TABLE: &str = "table/sys_certificate";
pub const VERIFIER_TABLE: &str = "table/jwt_verifier_map";

const FIELDS: [&str; 15] = [
    "sys_id",
    "name",
    "client_id",
    "active",
    "type",
    "redirect_url",
    "public_client",
    "use_pkce",
    "inbound_grant_type",
    "user",
    "user.user_name",
    "user.active",
    "access_token_lifespan",
    "refresh_token_lifespan",
    "scope_restriction_status",
];

/// A registered client. What is not known is `None`.
#[derive(Debug, Default, Clone)]
pub struct Entity {
    pub sys_id: String,
    pub client_id: String,
    pub name: Option<String>,
    pub active: Option<bool>,
    pub kind: Option<String>,
    pub redirect_uris: Option<Vec<String>>,
    pub is_public: Option<bool>,
    pub wants_pkce: Option<bool>,
    pub grant: Option<String>,
    /// The user that it acts as; empty if none is set.
    pub user: Option<String>,
    pub user_active: Option<bool>,
    /// In seconds.
    pub access_lifetime: Option<u64>,
    pub refresh_lifetime: Option<u64>,
    pub scope_restriction: Option<String>,
}

/// The entries whose `field` has this value.
pub fn entities(field: &'static str, value: &str) -> RowQuery {
    query("oauth_entity", format!("{field}={}", escaped(value)), &FIELDS)
}

/// What is set for an entry: its profiles, the scopes of the older kind and of the newer.
pub fn profiles(entity: &str) -> RowQuery {
    query("oauth_entity_profile", format!("oauth_entity={}", escaped(entity)), &["sys_id", "name", "oauth_entity"])
}

pub fn scopes(entity: &str) -> RowQuery {
    let fields = &["oauth_entity_scope", "name", "oauth_entity"];
    query("oauth_entity_scope", format!("oauth_entity={}", escaped(entity)), fields)
}

pub fn auth_scopes(entity: &str) -> RowQuery {
    let fields = &["auth_scope.name", "auth_scope", "oauth_entity"];
    query("oauth_entity_auth_scope_mapping", format!("oauth_entity={}", escaped(entity)), fields)
}

/// The certificates and the lines of verifiers of a new client, by the name that they got.
pub fn of_key(table: &'static str, client_id: &str) -> RowQuery {
    query(table, format!("name={}", escaped(&key_name(client_id))), &["sys_id", "name"])
}

/// What the rows for the key of a client are called.
pub fn key_name(client_id: &str) -> String {
    format!("snow {client_id}")
}

/// The property, and the one that tells whether properties are visible.
pub fn properties() -> RowQuery {
    query("sys_properties", format!("nameIN{FOR_ITSELF},{WITNESS}"), &["name", "value"])
}

/// The user of this name.
pub fn user(user_name: &str) -> RowQuery {
    query("sys_user", format!("user_name={}", escaped(user_name)), &["sys_id", "user_name", "active"])
}

fn text(row: &Row<'_>, field: &str) -> Option<String> {
    row.value(field).map(|text| text.trim().to_owned())
}

fn truth(row: &Row<'_>, field: &str) -> Option<bool> {
    match &*row.value(field)? {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

impl Entity {
    /// The entry that a row is, if it says which.
    pub fn of(row: &Row<'_>) -> Option<Self> {
        let number = |field| text(row, field)?.replace(',', "").parse().ok();
        let separated = |text: String| {
            let uris = text.split([',', ' ', '\n', '\r', ';']).filter(|uri| !uri.is_empty());
            uris.map(str::to_owned).collect::<Vec<_>>()
        };
        Some(Self {
            sys_id: text(row, "sys_id").filter(|id| !id.is_empty())?,
            client_id: text(row, "client_id").unwrap_or_default(),
            name: text(row, "name"),
            active: truth(row, "active"),
            kind: text(row, "type"),
            redirect_uris: text(row, "redirect_url").map(separated),
            is_public: truth(row, "public_client"),
            wants_pkce: truth(row, "use_pkce"),
            grant: text(row, "inbound_grant_type"),
            user: text(row, "user.user_name").filter(|user| !user.is_empty()).or_else(|| text(row, "user")),
            user_active: truth(row, "user.active"),
            access_lifetime: number("access_token_lifespan"),
            refresh_lifetime: number("refresh_token_lifespan"),
            scope_restriction: text(row, "scope_restriction_status"),
        })
    }

    /// Whether it lets a client sign in in this way.
    pub fn allows(&self, grant: GrantType) -> Option<bool> {
        let own = self.grant.as_deref()?;
        match (own, grant) {
            ("", _) => None,
            ("multiple", _) => Some(true),
            ("authz_code", GrantType::AuthorizationCode) => Some(true),
            ("client_credential" | "client_credentials", GrantType::ClientCredentials) => Some(true),
            ("jwt", GrantType::JwtBearer) => Some(true),
            ("authz_code" | "client_credential" | "client_credentials" | "jwt", _) => Some(false),
            _ => None,
        }
    }
}

/// What a row says of a property: its value, and whether that is the one looked for.
pub fn property(rows: &[(String, String)]) -> Option<bool> {
    let value = |name: &str| rows.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match value(FOR_ITSELF) {
        Some(value) => Some(value.eq_ignore_ascii_case("true")),
        // Those that can be seen show that it is not there, which means off.
        None => value(WITNESS).map(|_| false),
    }
}

/// A client to be registered.
pub struct NewEntity<'a> {
    pub name: &'a str,
    pub client_id: &'a str,
    pub grant: GrantType,
    pub redirect_uri: &'a str,
    pub is_public: bool,
    /// The key of the user that it acts as.
    pub user: Option<&'a str>,
    pub verifier: Option<Verifier<'a>>,
}

/// What the instance verifies assertions with.
pub struct Verifier<'a> {
    /// In PEM.
    pub certificate: &'a str,
    pub key_id: &'a str,
}

impl NewEntity<'_> {
    /// The table of the entry.
    pub fn table(&self) -> &'static str {
        if self.grant == GrantType::JwtBearer { SIGNER_TABLE } else { TABLE }
    }

    /// The body that creates the entry. What a release does not know it leaves out.
    pub fn body(&self, secret: Option<&Secret>) -> String {
        let is_browser = self.grant == GrantType::AuthorizationCode;
        let flag = |is: bool| if is { "true" } else { "false" };
        let mut body = json!({
            "name": self.name,
            "comments": "Registered by snow app create",
            "active": "true",
            "type": "client",
            "client_id": self.client_id,
            "client_secret": secret.map_or("", Secret::expose),
            "redirect_url": if is_browser { self.redirect_uri } else { "" },
            "public_client": flag(self.is_public),
            "use_pkce": flag(is_browser),
            "inbound_grant_type": match self.grant {
                GrantType::AuthorizationCode => "authz_code",
                GrantType::ClientCredentials => "client_credential",
                GrantType::JwtBearer => "jwt",
                GrantType::Password => "password",
            },
            "default_grant_type": self.default_grant(),
            "user": self.user.unwrap_or(""),
            "access_token_lifespan": "1800",
            "refresh_token_lifespan": "8640000",
            "scope_restriction_status": "unrestricted",
        });
        if self.grant == GrantType::JwtBearer {
            // The user is the one that an assertion names. The default skew of the newer form,
            // none, refuses clocks that are a few seconds wrong.
            body["user_field"] = "user_name".into();
            body["enable_jti_verification"] = "true".into();
            body["jti_claim"] = "jti".into();
            body["clock_skew"] = "300".into();
        }
        body.to_string()
    }

    /// The body that creates the certificate.
    pub fn certificate(&self, verifier: &Verifier<'_>) -> String {
        let name = key_name(self.client_id);
        json!({
            "name": name, "type": "trust_store", "format": "pem", "active": "true",
            "pem_certificate": verifier.certificate,
        })
        .to_string()
    }

    /// The body that creates the line with the key id.
    pub fn verifier(&self, verifier: &Verifier<'_>, entity: &str, certificate: &str) -> String {
        let name = key_name(self.client_id);
        json!({ "name": name, "oauth_jwt": entity, "sys_certificate": certificate, "kid": verifier.key_id }).to_string()
    }

    /// The body that creates the profile which a form would make.
    pub fn profile(&self, entity: &str) -> String {
        let grant = self.default_grant();
        json!({ "name": "default", "oauth_entity": entity, "grant_type": grant, "default": "true" }).to_string()
    }

    fn default_grant(&self) -> &'static str {
        match self.grant {
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::ClientCredentials => "client_credentials",
            GrantType::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            GrantType::Password => "password",
        }
    }
}
