//! The ways to sign in, as data.
//!
//! A way to sign in is a module with a [`MethodSpec`], a line in [`METHODS`], and a
//! [`Credential`] that puts its secrets into requests. Configuration, flags, prompts,
//! variables, records and `doctor` iterate the list.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;

use super::credential::{Credential, Given};
use super::oauth::endpoint::TokenEndpoint;
use super::oauth::renewal::AtRisk;
use super::oauth::settings::SCOPE;
use super::setting::{GivenSecrets, SecretInput, SecretUse, Setting};
use super::{access_token, api_key, basic, certificate, gateway, jwt_bearer, oauth, password_session};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::time::Time;
use crate::model::instance::Instance;
use crate::model::oauth_client::{GrantType, OAuthClient, ServiceDefaults};
use crate::model::profile::{Auth, AuthMethod, InvalidValue, Profile, any_of};
use crate::model::tokens::SavedSession;
use crate::model::user_name::UserName;
use crate::store::record::Origins;
use crate::store::{CredentialStore, Field};

/// A way to sign in.
#[derive(Debug)]
pub struct MethodSpec {
    pub method: AuthMethod,
    /// As in "acme signs in with a password".
    pub phrase: &'static str,
    /// Set if it has an OAuth client.
    pub grant: Option<GrantType>,
    /// Its own; [`Self::settings`] has those of a certificate beside it, too.
    pub(super) settings: &'static [&'static Setting],
    /// What signs in.
    pub secrets: &'static [SecretUse],
    /// What the instance judges, as in "the password was not checked".
    pub secret_label: &'static str,
    /// The stored item that a sign-in requires, if it requires one.
    pub needs: fn(&Auth) -> Option<Field>,
    /// Every item it may store, in the order in which logout deletes them.
    pub items: &'static [Field],
    pub renewal: Renewal,
    /// Whether the instance locks an account after too many refusals.
    pub locks_accounts: bool,
    /// What of it other programs are given.
    pub given: Given,
    /// Whether a saved connection can use it.
    pub is_saved: bool,
    /// Whether variables alone can describe it.
    pub has_variables: bool,
    /// Its line among the choices of `connect`, with the place there.
    pub choice: Option<(u8, &'static str)>,
    /// Reads the stored secret. Makes no request.
    pub open: for<'a> fn(Stored<'a>) -> Opening<'a>,
    /// Makes a credential of secrets that are stored nowhere. `None` if that takes a
    /// person.
    pub from_secrets: Option<fn(InHand<'_>) -> Made>,
}

/// A credential, if its secrets make one.
pub type Made = Result<Box<dyn Credential>, Failure>;
/// A stored credential that is being read.
pub type Opening<'a> = BoxFuture<'a, Made>;

/// How a new access token is obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// There is no session: the secret is sent as it is.
    None,
    /// With the refresh token.
    RefreshToken,
    /// By signing in again, unattended.
    SignsInAgain,
}

/// A saved connection, and what opening its credential takes.
pub struct Stored<'a> {
    pub profile: &'a Profile,
    pub store: Arc<dyn CredentialStore>,
    pub origins: Origins,
    /// Of its client, if it has one.
    pub endpoint: Option<TokenEndpoint>,
    /// The lock file of its session on this machine.
    pub lock: PathBuf,
    /// Called with each session that was saved.
    pub note: Box<dyn Fn(&SavedSession) + Send + Sync>,
    /// The account that the service locks, if a session takes its secret.
    pub account: Option<Box<dyn AtRisk>>,
    pub time: Arc<dyn Time>,
}

/// Secrets, and what making a credential of them takes.
pub struct InHand<'a> {
    pub auth: &'a Auth,
    pub secrets: &'a GivenSecrets,
    /// Of its client, if it has one.
    pub endpoint: Option<TokenEndpoint>,
    pub time: Arc<dyn Time>,
}

/// Why settings do not describe a way to sign in.
#[derive(Debug)]
pub enum InvalidSetting {
    Missing(&'static Setting),
    Invalid(&'static Setting, InvalidValue),
}

/// Every way to sign in.
pub static METHODS: [&MethodSpec; 9] = [
    &basic::SPEC,
    &oauth::AUTHORIZATION_CODE,
    &oauth::CLIENT_CREDENTIALS,
    &api_key::SPEC,
    &access_token::SPEC,
    &jwt_bearer::SPEC,
    &certificate::SPEC,
    &password_session::SPEC,
    &jwt_bearer::WITHOUT_KEY_ID,
];

/// Those that a saved connection can use.
pub fn saved_methods() -> impl Iterator<Item = &'static MethodSpec> {
    METHODS.into_iter().filter(|spec| spec.is_saved)
}

/// The names of those, each once.
pub fn saved_names() -> Vec<&'static str> {
    names(saved_methods())
}

fn names(methods: impl Iterator<Item = &'static MethodSpec>) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in methods.map(|spec| spec.method.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What is left out on purpose, by the word that asks for it: the resource owner password
/// credentials grant (RFC 6749 §4.3).
pub fn is_password_grant(word: &str) -> bool {
    word.eq_ignore_ascii_case("password")
}

/// Why there is no password grant, and what to take instead.
pub fn no_password_grant() -> Failure {
    Failure::new(Code::Usage, "snow does not support the password grant")
        .why("It gives the password of a user to the token endpoint, skips single sign-on and the second factor, and instances turn it off.")
        .next("People sign in with a browser: --auth oauth")
        .next("Machines sign in for themselves: --auth client-credentials, or --auth jwt-bearer with a key pair")
        .next("To send user name and password with each request: --auth basic")
}

/// The one of these methods that has this name, if a saved connection can use it.
pub fn named(methods: &[&'static MethodSpec], name: &str) -> Result<&'static MethodSpec, InvalidValue> {
    let saved = || methods.iter().copied().filter(|spec| spec.is_saved);
    saved()
        .find(|spec| spec.method.as_str() == name)
        .ok_or_else(|| InvalidValue(format!("\"{name}\" is not a sign-in method: use {}", any_of(&names(saved())))))
}

/// The one of these methods that has this name, if its secrets alone sign in: it needs no
/// person.
pub fn unattended(methods: &[&'static MethodSpec], name: &str) -> Result<&'static MethodSpec, InvalidValue> {
    let unattended = || methods.iter().copied().filter(|spec| spec.from_secrets.is_some());
    unattended().find(|spec| spec.method.as_str() == name).ok_or_else(|| {
        let names: Vec<_> = unattended().map(|spec| spec.method.as_str()).collect();
        InvalidValue(format!("\"{name}\" is not a sign-in method that works without a person: use {}", any_of(&names)))
    })
}

/// What a person calls the method of this name.
pub fn label_of(name: &str) -> &'static str {
    METHODS.iter().find(|spec| spec.method.as_str() == name).map_or("?", |spec| spec.method.label())
}

/// Every setting once, in the order of the methods.
pub fn settings() -> &'static [&'static Setting] {
    static SETTINGS: LazyLock<Vec<&'static Setting>> = LazyLock::new(|| {
        let mut settings: Vec<&'static Setting> = Vec::new();
        for setting in METHODS.iter().flat_map(|spec| spec.settings) {
            if settings.iter().all(|known| known.key != setting.key) {
                settings.push(setting);
            }
        }
        settings
    });
    &SETTINGS
}

/// Every secret once, in the order of the methods.
pub fn secret_inputs() -> Vec<&'static SecretInput> {
    let mut inputs: Vec<&'static SecretInput> = Vec::new();
    for secret in METHODS.iter().flat_map(|spec| spec.secrets) {
        if inputs.iter().all(|known| known.flag != secret.input.flag) {
            inputs.push(secret.input);
        }
    }
    inputs
}

/// Every item that this connection may store, in the order in which logout deletes
/// them.
pub fn items_of(profile: &Profile) -> Vec<Field> {
    let own = MethodSpec::of(profile.auth.method).items.iter().cloned();
    own.chain(gateway::items(profile).map(|item| item.field)).collect()
}

/// Every item of any way to sign in, once.
pub fn items() -> Vec<Field> {
    let mut items: Vec<Field> = Vec::new();
    for item in METHODS.iter().flat_map(|spec| spec.items) {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    items
}

impl MethodSpec {
    /// The data of a way to sign in.
    pub fn of(method: AuthMethod) -> &'static Self {
        METHODS.into_iter().find(|spec| spec.method == method).expect("every sign-in method is in the list")
    }

    /// Whether it has a session, which is only changed under a lock.
    pub fn has_session(&self) -> bool {
        self.renewal != Renewal::None
    }

    /// Whether the user is known only once the instance named it.
    pub fn learns_user(&self) -> bool {
        !self.settings.iter().any(|setting| setting.key == "username" && setting.is_required)
    }

    /// Whether nothing is saved of a sign-in.
    pub fn stores_nothing(&self, auth: &Auth) -> bool {
        !self.has_session() && (self.needs)(auth).is_none()
    }

    /// What is kept of a sign-in, as in "the saved session".
    pub fn kept_label(&self, auth: &Auth) -> String {
        (self.needs)(auth).map_or_else(|| self.secret_label.to_owned(), |field| field.label().to_owned())
    }

    /// Those that it has whichever certificate goes with it.
    pub fn own_settings(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        self.settings.iter().copied()
    }

    /// Its settings, and those of a certificate that goes with it.
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        self.own_settings().chain(self.certificate().iter().copied())
    }

    /// The settings of a certificate beside it. One that signs in is its own.
    fn certificate(&self) -> &'static [&'static Setting] {
        if self.given == Given::Certificate { &[] } else { &certificate::BESIDE }
    }

    /// What signs in, and the passphrase of a certificate that goes with it.
    pub fn every_secret(&self) -> impl Iterator<Item = &'static SecretUse> + use<> {
        let beside: &[SecretUse] = if self.certificate().is_empty() { &[] } else { &certificate::PASSPHRASE };
        self.secrets.iter().chain(beside)
    }

    /// The variables that describe it, in the order in which errors name them.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        let settings = self.settings.iter().filter_map(|setting| setting.variable);
        settings.chain(self.secrets.iter().flat_map(|secret| [secret.input.variable, secret.input.variable_file]))
    }

    /// Whether a variable means something for it: its own, or of a certificate beside it.
    pub fn takes_variable(&self, name: &str) -> bool {
        let is_of_secret = |input: &SecretInput| [input.variable, input.variable_file].contains(&name);
        self.settings().any(|setting| setting.variable == Some(name))
            || self.every_secret().any(|secret| is_of_secret(secret.input))
    }

    pub fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings().find(|setting| setting.key == key)
    }

    /// The settings that a stored secret or session is for. A session keeps the scope that
    /// it was given, and a user that the instance names is not sent.
    pub fn bound_settings(&self) -> impl Iterator<Item = &'static Setting> + use<'_> {
        let is_kept = |key: &str| key == SCOPE.key || (key == "username" && self.learns_user());
        self.settings().filter(move |setting| setting.binds && !is_kept(setting.key))
    }

    pub fn secret(&self, input: &SecretInput) -> Option<&'static SecretUse> {
        self.every_secret().find(|secret| secret.input.flag == input.flag)
    }

    /// Whether a secret is what signs in, and not one that goes with it.
    pub fn signs_in_with(&self, input: &SecretInput) -> bool {
        self.secrets.iter().any(|secret| secret.input.flag == input.flag)
    }

    /// With all defaults. What is required is still to be set.
    pub fn blank(&self, defaults: &'static ServiceDefaults) -> Auth {
        match self.grant {
            Some(grant) => Auth::of_client(self.method, OAuthClient::without_id(grant, defaults)),
            None => Auth::new(self.method, defaults),
        }
    }

    /// How it signs in to `instance` with the settings that `value` gives.
    pub fn read(
        &self,
        defaults: &'static ServiceDefaults,
        instance: &Instance,
        mut value: impl FnMut(&'static Setting) -> Option<String>,
    ) -> Result<Auth, InvalidSetting> {
        let given: Vec<_> = self.settings().map(|setting| (setting, value(setting))).collect();
        let mut auth = self.blank(defaults);
        for (setting, text) in &given {
            let Some(text) = text else { continue };
            let is_given = |key: &&&str| given.iter().any(|(other, text)| other.key == **key && text.is_some());
            if let Some(other) = setting.instead_of.iter().find(is_given) {
                let error = InvalidValue(format!("{} does not go with {other}", setting.key));
                return Err(InvalidSetting::Invalid(setting, error));
            }
            (setting.set)(&mut auth, text).map_err(|error| InvalidSetting::Invalid(setting, error))?;
        }
        if let Some((setting, _)) = given.iter().find(|(setting, _)| setting.is_missing(&auth)) {
            return Err(InvalidSetting::Missing(setting));
        }
        check(&auth, instance).map_err(|(setting, error)| InvalidSetting::Invalid(setting, error))?;
        Ok(auth)
    }
}

/// Whether the settings fit each other, and none is missing.
pub fn check(auth: &Auth, instance: &Instance) -> Result<(), (&'static Setting, InvalidValue)> {
    let mut settings = MethodSpec::of(auth.method).settings();
    if let Some(setting) = settings.find(|setting| setting.is_missing(auth)) {
        return Err((setting, InvalidValue(format!("{} is missing", setting.key))));
    }
    let checked = auth.client().map_or(Ok(()), |client| client.check(instance));
    checked.map_err(|error| (&oauth::settings::REVOCATION_URL, error))
}

/// Whether both sign in in the same way, as the same user: what is stored for one
/// serves the other. A user that is not known yet is not a different one.
pub fn is_same_sign_in(one: &Auth, other: &Auth) -> bool {
    let same_user = match (one.username(), other.username()) {
        (Some(user), Some(other)) => user.matches(other.as_str()),
        _ => true,
    };
    let mut binding =
        MethodSpec::of(one.method).settings().filter(|setting| setting.binds && setting.key != "username");
    one.method == other.method && same_user && binding.all(|setting| (setting.get)(one) == (setting.get)(other))
}

/// Whether a secret entered for `saved` must not be used for `wanted`.
pub fn needs_another_secret(wanted: &Profile, saved: &Profile) -> bool {
    wanted.instance != saved.instance
        || !is_same_sign_in(&wanted.auth, &saved.auth)
        || wanted.ca_cert != saved.ca_cert
        || wanted.store != saved.store
}

/// The connection at the instance that its sign-in led to. It goes on to sign in where it
/// did.
pub fn at_instance(profile: Profile, instance: Instance) -> Profile {
    let mut auth = profile.auth.clone();
    let spec = MethodSpec::of(auth.method);
    for setting in [&oauth::settings::AUTHORIZATION_URL, &oauth::settings::TOKEN_URL] {
        if spec.setting(setting.key).is_some()
            && (setting.get)(&auth).is_none()
            && let Some(url) = (setting.usual)(&auth, &profile.instance)
        {
            (setting.set)(&mut auth, &url).expect("the address of an endpoint is one");
        }
    }
    Profile { instance, auth, ..profile }
}

/// The connection for the user that the instance named. A user name that is sent
/// stays as it is.
pub fn belonging_to(profile: Profile, user: Option<UserName>) -> Profile {
    match user {
        Some(user) if MethodSpec::of(profile.auth.method).learns_user() => {
            Profile { auth: Auth { username: Some(user), ..profile.auth }, ..profile }
        }
        _ => profile,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::servicenow::oauth::DEFAULTS;

    #[test]
    fn every_method_has_a_name_of_its_own_and_stores_what_it_needs() {
        for spec in METHODS {
            assert_eq!(METHODS.iter().filter(|other| other.method == spec.method).count(), 1);
            let needed = (spec.needs)(&spec.blank(&DEFAULTS));
            assert!(!spec.is_saved || needed.is_none_or(|field| spec.items.contains(&field)), "{}", spec.phrase);
            assert_eq!(spec.is_saved, spec.choice.is_some(), "a person can choose {}", spec.method.as_str());
            for secret in spec.secrets {
                assert_eq!(secret.input.variable_file, format!("{}_FILE", secret.input.variable));
            }
        }
    }

    #[test]
    fn a_key_means_one_thing_in_every_method() {
        for setting in METHODS.iter().flat_map(|spec| spec.settings) {
            let first = settings().iter().find(|known| known.key == setting.key).unwrap();
            assert_eq!((first.label, first.is_switch, first.binds), (setting.label, setting.is_switch, setting.binds));
            assert_eq!(first.flag.as_ref().map(|flag| flag.name), setting.flag.as_ref().map(|flag| flag.name));
        }
    }
}
