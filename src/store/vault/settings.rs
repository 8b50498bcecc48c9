//! Where Vault is and what signs in to it: the keys of a connection, then variables.
//!
//! Nothing is opened here, so that `show` can say what would be used.

use std::path::PathBuf;

use crate::base::shown::{Shown, is_hidden, shown};
use crate::base::variables::Variables;
use crate::model::instance::{Instance, InvalidInstance, Naming};
use crate::model::profile::{InvalidValue, StorePlace, any_of};
use crate::store::StoreSetting;

const ADDRESS_KEY: &str = "store_address";
const MOUNT_KEY: &str = "store_mount";
const PATH_KEY: &str = "store_path";
const NAMESPACE_KEY: &str = "store_namespace";
const AUTH_KEY: &str = "store_auth";
const ROLE_KEY: &str = "store_role";
const AUTH_MOUNT_KEY: &str = "store_auth_mount";

pub static SETTINGS: [StoreSetting; 7] = [
    StoreSetting {
        key: ADDRESS_KEY,
        flag: "store-address",
        value_name: "URL",
        help: "The address of Vault or OpenBao [default: VAULT_ADDR]",
        is_command: false,
        read: |text| Address::read(text).map(|address| address.to_string()),
    },
    StoreSetting {
        key: MOUNT_KEY,
        flag: "store-mount",
        value_name: "MOUNT",
        help: "Its mount of KV version 2 [default: secret]",
        is_command: false,
        read: segments,
    },
    StoreSetting {
        key: PATH_KEY,
        flag: "store-path",
        value_name: "PATH",
        help: "Where secrets go below the mount [default: snow]",
        is_command: false,
        read: segments,
    },
    StoreSetting {
        key: NAMESPACE_KEY,
        flag: "store-namespace",
        value_name: "NAMESPACE",
        help: "Its namespace [default: VAULT_NAMESPACE]",
        is_command: false,
        read: segments,
    },
    StoreSetting {
        key: AUTH_KEY,
        flag: "store-auth",
        value_name: "METHOD",
        help: "How to sign in to it: token, approle, jwt, kubernetes or cert",
        is_command: false,
        read: |text| AuthKind::read(text).map(|auth| auth.as_str().to_owned()),
    },
    StoreSetting {
        key: ROLE_KEY,
        flag: "store-role",
        value_name: "ROLE",
        help: "The role to sign in as",
        is_command: false,
        read: plain,
    },
    StoreSetting {
        key: AUTH_MOUNT_KEY,
        flag: "store-auth-mount",
        value_name: "MOUNT",
        help: "Where it has that sign-in [default: the name of the method]",
        is_command: false,
        read: segments,
    },
];

macro_rules! of_three {
    ($name:literal) => {
        [concat!("SNOW_VAULT_", $name), concat!("BAO_", $name), concat!("VAULT_", $name)]
    };
}

/// The names of a variable, the first one first.
type Names = [&'static str; 3];

const ADDRESS: Names = of_three!("ADDR");
pub const TOKEN: Names = of_three!("TOKEN");
const NAMESPACE: Names = of_three!("NAMESPACE");
const CA_CERT: Names = of_three!("CACERT");
const CLIENT_CERT: Names = of_three!("CLIENT_CERT");
const CLIENT_KEY: Names = of_three!("CLIENT_KEY");
const SERVER_NAME: Names = of_three!("TLS_SERVER_NAME");
const AGENT_ADDRESS: Names = of_three!("AGENT_ADDR");
const SKIP_VERIFY: Names = of_three!("SKIP_VERIFY");
pub const TOKEN_FILE: &str = "SNOW_VAULT_TOKEN_FILE";
pub const ROLE_ID: &str = "SNOW_VAULT_ROLE_ID";
pub const SECRET_ID: &str = "SNOW_VAULT_SECRET_ID";
pub const SECRET_ID_FILE: &str = "SNOW_VAULT_SECRET_ID_FILE";
pub const JWT: &str = "SNOW_VAULT_JWT";
pub const JWT_FILE: &str = "SNOW_VAULT_JWT_FILE";
const AUTH: &str = "SNOW_VAULT_AUTH";
pub const ROLE: &str = "SNOW_VAULT_ROLE";
const AUTH_MOUNT: &str = "SNOW_VAULT_AUTH_MOUNT";
/// The token that `vault login` and `bao login` leave.
const SAVED_TOKEN: &str = "~/.vault-token";

const DEFAULT: &str = "default";

/// An address: an origin, and the path that it may have before `/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub origin: Instance,
    pub prefix: String,
}

impl Address {
    pub fn read(text: &str) -> Result<Self, InvalidValue> {
        let naming = Naming { domain: None, portals: &[] };
        let (origin, tail) = Instance::read(text, &naming).map_err(|invalid| match invalid {
            InvalidInstance::Insecure(host) => {
                InvalidValue(format!("http would send the token to {host} unencrypted: use https"))
            }
            InvalidInstance::Scheme(scheme) if scheme == "unix" => {
                InvalidValue("a socket is not supported: use an address with https".to_owned())
            }
            invalid => InvalidValue(invalid.to_string()),
        })?;
        let prefix = tail.trim_end_matches('/').to_owned();
        if prefix.contains(['?', '#', '%', '@']) || prefix.split('/').any(|part| part == "..") {
            return Err(InvalidValue("the address has more than a path behind the host".to_owned()));
        }
        Ok(Self { origin, prefix })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", self.origin, self.prefix)
    }
}

/// How to sign in to Vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthKind {
    Token,
    AppRole,
    Jwt,
    Kubernetes,
    Cert,
}

impl AuthKind {
    const ALL: [Self; 5] = [Self::Token, Self::AppRole, Self::Jwt, Self::Kubernetes, Self::Cert];

    /// Its name, which is that of its mount by default.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AppRole => "approle",
            Self::Jwt => "jwt",
            Self::Kubernetes => "kubernetes",
            Self::Cert => "cert",
        }
    }

    fn read(text: &str) -> Result<Self, InvalidValue> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| InvalidValue(format!("use {}", any_of(&Self::ALL.map(Self::as_str)))))
    }
}

/// A value, and what gave it: a key, a variable, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<T = String> {
    pub value: T,
    pub from: &'static str,
}

impl Given {
    fn by_default(value: &str) -> Self {
        Self { value: value.to_owned(), from: DEFAULT }
    }
}

/// What is in force for a connection. A value can be wrong in a variable only.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub address: Option<Given>,
    /// The address is that of an agent, which adds its token.
    pub is_agent: bool,
    pub mount: Given,
    pub path: Given,
    pub namespace: Option<Given>,
    pub auth: Option<Given<AuthKind>>,
    pub role: Option<Given>,
    pub auth_mount: Option<Given>,
    pub ca_cert: Option<Given<PathBuf>>,
    pub client_cert: Option<Given<PathBuf>>,
    pub client_key: Option<Given<PathBuf>>,
    pub server_name: Option<Given>,
    /// The variable that asks for no verification.
    pub skips_verification: Option<&'static str>,
    /// What is wrong in a variable of the sign-in.
    pub invalid: Option<Given<InvalidValue>>,
}

impl Chosen {
    pub fn of(place: &StorePlace, variables: &Variables) -> Self {
        let key = |key: &'static str| place.settings.get(key).map(|value| Given { value: value.clone(), from: key });
        let agent = first(variables, &AGENT_ADDRESS);
        let address = key(ADDRESS_KEY);
        let is_agent = address.is_none() && agent.is_some();
        let namespace = key(NAMESPACE_KEY)
            .or_else(|| first(variables, &NAMESPACE))
            .map(|given| Given { value: given.value.trim_matches('/').to_owned(), ..given });
        let skips = |names: Names| names.into_iter().find(|name| variables.is_on(name));
        // The value of a key was read when the connection was.
        let read = |name, variable, read: fn(&str) -> Result<String, InvalidValue>| match key(name) {
            Some(given) => Ok(Some(given)),
            None => of_variable(variables, variable, read),
        };
        let auth = read(AUTH_KEY, AUTH, |text| AuthKind::read(text).map(|auth| auth.as_str().to_owned()));
        let (role, auth_mount) = (read(ROLE_KEY, ROLE, plain), read(AUTH_MOUNT_KEY, AUTH_MOUNT, segments));
        let invalid = [&auth, &role, &auth_mount].into_iter().find_map(|read| read.as_ref().err().cloned());
        let kind = |given: Given| Some(Given { value: AuthKind::read(&given.value).ok()?, from: given.from });
        Self {
            address: address.or(agent).or_else(|| first(variables, &ADDRESS)),
            is_agent,
            mount: key(MOUNT_KEY).unwrap_or_else(|| Given::by_default("secret")),
            path: key(PATH_KEY).unwrap_or_else(|| Given::by_default("snow")),
            namespace: namespace.filter(|given| !["", "root"].contains(&given.value.as_str())),
            auth: auth.unwrap_or_default().and_then(kind).or_else(|| usual_auth(variables)),
            role: role.unwrap_or_default(),
            auth_mount: auth_mount.unwrap_or_default(),
            ca_cert: first_path(variables, &CA_CERT),
            client_cert: first_path(variables, &CLIENT_CERT),
            client_key: first_path(variables, &CLIENT_KEY),
            server_name: first(variables, &SERVER_NAME),
            skips_verification: skips(SKIP_VERIFY),
            invalid,
        }
    }

    /// The rows of a table: what is in force, and where it is from.
    pub fn rows(&self, variables: &Variables) -> Vec<(&'static str, Shown)> {
        let row = |given: &Given| match given.from {
            from if from.starts_with("store_") => Shown::outside(&given.value),
            from => shown!("{} ({})", Shown::outside(&given.value), from),
        };
        let address = self.address.as_ref().map_or("none: set VAULT_ADDR".into(), row);
        let mut rows = vec![(ADDRESS_KEY, address), (MOUNT_KEY, row(&self.mount)), (PATH_KEY, row(&self.path))];
        rows.extend(self.namespace.as_ref().map(|namespace| (NAMESPACE_KEY, row(namespace))));
        rows.push((AUTH_KEY, self.login_shown(variables)));
        rows.extend(self.role.as_ref().map(|role| (ROLE_KEY, row(role))));
        rows.extend(self.auth_mount.as_ref().map(|mount| (AUTH_MOUNT_KEY, row(mount))));
        rows
    }

    /// What signs in, in a few words.
    pub fn login_shown(&self, variables: &Variables) -> Shown {
        match &self.auth {
            Some(Given { value: AuthKind::Token, .. }) => match token_source(variables) {
                Some(from) => shown!("token ({})", from),
                None if self.is_agent => "none: the agent signs in".into(),
                None => "token (none is set)".into(),
            },
            Some(Given { value, from }) if from.starts_with("store_") => value.as_str().into(),
            Some(Given { value, from }) => shown!("{} ({})", value.as_str(), *from),
            None if self.is_agent => "none: the agent signs in".into(),
            None => "none".into(),
        }
    }
}

/// The first that is set. A set but empty `BAO_` variable hides that of Vault.
pub fn first(variables: &Variables, names: &Names) -> Option<Given> {
    let [own, bao, vault] = *names;
    let given =
        |name: &'static str| variables.text(name).map(|text| Given { value: text.trim().to_owned(), from: name });
    given(own).or_else(|| if variables.raw(bao).is_some() { given(bao) } else { given(vault) })
}

/// A setting that a variable gives.
fn of_variable(
    variables: &Variables,
    name: &'static str,
    read: fn(&str) -> Result<String, InvalidValue>,
) -> Result<Option<Given>, Given<InvalidValue>> {
    let Some(text) = variables.text(name) else { return Ok(None) };
    let value = read(text.trim()).map_err(|invalid| Given { value: invalid, from: name })?;
    Ok(Some(Given { value, from: name }))
}

fn first_path(variables: &Variables, names: &Names) -> Option<Given<PathBuf>> {
    let given = first(variables, names)?;
    Some(Given { value: variables.path(given.from)?, from: given.from })
}

/// How to sign in where the connection does not say: a token that a variable gives, then
/// what variables describe, then the token that the tools have saved.
fn usual_auth(variables: &Variables) -> Option<Given<AuthKind>> {
    let set = |names: &[&'static str]| names.iter().copied().find(|name| variables.raw(name).is_some());
    let by_variable = |from| Given { value: AuthKind::Token, from };
    let described = || {
        let app_role = set(&[ROLE_ID]).map(|from| Given { value: AuthKind::AppRole, from });
        app_role.or_else(|| set(&[JWT, JWT_FILE]).map(|from| Given { value: AuthKind::Jwt, from }))
    };
    let token = first(variables, &TOKEN).map(|given| given.from).or_else(|| set(&[TOKEN_FILE]));
    let saved = || saved_token(variables).map(|_| by_variable(SAVED_TOKEN));
    token.map(by_variable).or_else(described).or_else(saved)
}

/// Where a token is from.
pub fn token_source(variables: &Variables) -> Option<&'static str> {
    let of_file = || variables.raw(TOKEN_FILE).map(|_| TOKEN_FILE);
    let saved = || saved_token(variables).map(|_| SAVED_TOKEN);
    first(variables, &TOKEN).map(|given| given.from).or_else(of_file).or_else(saved)
}

/// The file that `vault login` and `bao login` leave, if there is one.
pub fn saved_token(variables: &Variables) -> Option<PathBuf> {
    let path = variables.home()?.join(".vault-token");
    path.is_file().then_some(path)
}

/// A path of Vault: words between slashes.
fn segments(text: &str) -> Result<String, InvalidValue> {
    let path = text.trim_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_segment = |part: &str| !part.is_empty() && part.chars().all(fits) && part != "." && part != "..";
    if path.len() <= 200 && path.split('/').all(is_segment) {
        Ok(path.to_owned())
    } else {
        Err(InvalidValue("use letters, digits, -, _ and ., with / between them".to_owned()))
    }
}

fn plain(text: &str) -> Result<String, InvalidValue> {
    if text.is_empty() || text.len() > 200 || text.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Err(InvalidValue("use 1 to 200 characters that can be seen".to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::vault::KIND;

    fn chosen(keys: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Chosen {
        let settings = keys.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let variables = Variables::new(variables.iter().copied());
        Chosen::of(&StorePlace { kind: KIND, settings }, &variables)
    }

    #[test]
    fn a_key_goes_before_our_variable_before_that_of_openbao_before_that_of_vault() {
        let all = [("VAULT_ADDR", "https://v"), ("BAO_ADDR", "https://b"), ("SNOW_VAULT_ADDR", "https://s")];
        let address = |keys: &[_], variables: &[_]| chosen(keys, variables).address.map(|given| given.value);
        assert_eq!(address(&[(ADDRESS_KEY, "https://k")], &all).as_deref(), Some("https://k"));
        assert_eq!(address(&[], &all).as_deref(), Some("https://s"));
        assert_eq!(address(&[], &all[..2]).as_deref(), Some("https://b"));
        assert_eq!(address(&[], &all[..1]).as_deref(), Some("https://v"));
        // As the tool of OpenBao reads them.
        assert_eq!(address(&[], &[("VAULT_ADDR", "https://v"), ("BAO_ADDR", "")]), None);
    }

    #[test]
    fn an_agent_goes_before_an_address_unless_the_connection_has_one() {
        let variables = [("VAULT_ADDR", "https://v"), ("VAULT_AGENT_ADDR", "http://127.0.0.1:8100")];
        assert!(chosen(&[], &variables).is_agent);
        assert!(!chosen(&[(ADDRESS_KEY, "https://k")], &variables).is_agent);
    }

    #[test]
    fn an_address_keeps_its_path_and_is_encrypted_or_of_this_machine() {
        let read = |text| Address::read(text).map(|address| address.to_string()).map_err(|error| error.0);
        assert_eq!(read("https://gate.example/vault/").as_deref(), Ok("https://gate.example/vault"));
        assert_eq!(read("http://127.0.0.1:8200").as_deref(), Ok("http://127.0.0.1:8200"));
        assert!(read("http://vault.example:8200").unwrap_err().contains("unencrypted"));
        for bad in ["unix:///run/bao.sock", "https://v/a/../b", "https://v/?x=1", "https://u:p@v", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_cannot_leave_its_mount() {
        assert_eq!(segments("/team/snow/").as_deref(), Ok("team/snow"));
        for bad in ["", "/", "a//b", "../sys", "a/./b", "a b", "a%2fb", "ä"] {
            assert!(segments(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_namespace_is_the_same_with_any_slashes_and_root_is_none() {
        let namespace = |text| chosen(&[], &[("VAULT_NAMESPACE", text)]).namespace.map(|given| given.value);
        assert_eq!(namespace("/team1/").as_deref(), Some("team1"));
        assert_eq!(namespace("root"), None);
    }
}
