//! The registered OAuth clients, as rows.

use super::people::add;
use super::{Store, User, sys_id};
use crate::sandbox::oauth::assertions::JWT_BEARER;
use crate::sandbox::oauth::clients::CLIENTS;

pub fn fill(store: &mut Store) {
    for client in CLIENTS {
        let is_signer = client.may(JWT_BEARER);
        let is_machine = client.may("client_credentials");
        let user = client.application_user().map(User::id).unwrap_or_default();
        let flag = |is: bool| if is { "true" } else { "false" };
        let redirect_url = client.redirect_uris.join(",");
        let (inbound, default) = match (is_signer, is_machine) {
            (true, _) => ("jwt", JWT_BEARER),
            (false, true) => ("client_credential", "client_credentials"),
            (false, false) => ("authz_code", "authorization_code"),
        };
        let mut values = vec![
            ("name", client.name),
            ("active", "true"),
            ("type", "client"),
            ("client_id", client.client_id),
            ("client_secret", client.client_secret.unwrap_or("")),
            ("redirect_url", &redirect_url),
            ("public_client", flag(client.client_secret.is_none())),
            ("use_pkce", flag(client.client_secret.is_none())),
            ("inbound_grant_type", inbound),
            ("default_grant_type", default),
            ("user", &user),
            ("token_format", "opaque"),
            ("access_token_lifespan", "1800"),
            ("refresh_token_lifespan", "8640000"),
            ("scope_restriction_status", "unrestricted"),
        ];
        let table = if is_signer { "oauth_jwt" } else { "oauth_entity" };
        if is_signer {
            values.extend([("user_field", "user_name"), ("enable_jti_verification", "true"), ("clock_skew", "0")]);
        }
        add(store, table, client.client_id, values);
        let entity = sys_id(table, client.client_id);
        let values = [("name", "default"), ("oauth_entity", &entity), ("default", "true")];
        add(store, "oauth_entity_profile", client.client_id, values);
    }
}
