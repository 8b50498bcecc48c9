//! Opening Vault: reading what signs in, and making the client.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::api::Api;
use super::error::{self, Whereabouts};
use super::login::{Means, SignIn};
use super::settings::{self, Address, AuthKind, Chosen, Given, SETTINGS};
use super::{KIND, Vault, VaultStore};
use crate::base::SOURCES;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::shown::{Shown, Step, shown};
use crate::http::client::Client;
use crate::http::identity::ClientIdentity;
use crate::http::proxy::{ProxyVariables, Route};
use crate::http::tls::{CaCertificates, CaVariables, Verifiers, as_lines};
use crate::model::profile::StorePlace;
use crate::store::{Access, CredentialStore, Opener, StoreError, StoreSpec, Surroundings, Trouble};

pub static SPEC: StoreSpec = StoreSpec {
    kind: KIND,
    heading: "Vault",
    is_shared: true,
    secret_variables: &[
        settings::TOKEN[0],
        settings::TOKEN[1],
        settings::TOKEN[2],
        settings::ROLE_ID,
        settings::SECRET_ID,
        settings::JWT,
    ],
    secret_files: &[settings::TOKEN_FILE, settings::SECRET_ID_FILE, settings::JWT_FILE],
    durations: &[],
    settings: &SETTINGS,
    shown: |place, variables| Chosen::of(place, variables).rows(variables),
    opener: || Box::new(VaultOpener(Vec::new())),
    causes: error::causes,
};

/// The largest file of a client certificate that is read.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

struct VaultOpener(Vec<(StorePlace, Arc<VaultStore>)>);

impl Opener for VaultOpener {
    fn open(
        &mut self,
        place: &StorePlace,
        surroundings: &mut dyn Surroundings,
        access: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        if let Some((_, store)) = self.0.iter().find(|(other, _)| other == place) {
            return Ok(Some(store.clone()));
        }
        let chosen = Chosen::of(place, surroundings.variables());
        let login = chosen.login_shown(surroundings.variables());
        let address = chosen.address.as_ref().map_or("no address".into(), |address| match address.from {
            from if from.starts_with("store_") => Shown::outside(&address.value),
            from => shown!("{} ({})", Shown::outside(&address.value), from),
        });
        let description = shown!("Vault at {}, sign-in: {}", address, login);
        tracing::info!(target: SOURCES, "secrets: {description}");
        let vault = match (vault(&chosen, surroundings), access) {
            // What is wrong with it is said when it is used.
            (Err(error), Access::Unasked) => Err(error),
            (vault, _) => Ok(vault.map_err(Failure::from)?),
        };
        let is_usable = vault.is_ok();
        let store = Arc::new(VaultStore { vault, description });
        if is_usable {
            self.0.push((place.clone(), store.clone()));
        }
        Ok(Some(store))
    }

    fn kept_in(&self, place: &StorePlace, surroundings: &dyn Surroundings) -> String {
        let chosen = Chosen::of(place, surroundings.variables());
        let address = chosen.address.map_or_else(String::new, |address| address.value);
        format!("in Vault\n  {address}, below {}/{}", chosen.mount.value, chosen.path.value)
    }
}

fn failed(failure: Failure) -> StoreError {
    StoreError::new(KIND, Trouble::Failed, failure)
}

/// Vault as the settings have it. Nothing is sent yet.
fn vault(chosen: &Chosen, surroundings: &mut dyn Surroundings) -> Result<Vault, StoreError> {
    let Some(given) = &chosen.address else { return Err(failed(no_address())) };
    let address = Address::read(&given.value).map_err(|invalid| {
        let message = shown!("{} is not the address of a Vault: {}", given.from, invalid);
        failed(Failure::new(Code::ConfigInvalid, message).next(shown!("Correct {}", given.from)))
    })?;
    if let Some(variable) = chosen.skips_verification {
        let message = shown!("{} asks for no check of the certificate, which snow does not do", variable);
        let next = shown!("Unset {}, and set VAULT_CACERT to the file of its CA", variable);
        return Err(failed(Failure::new(Code::ConfigInvalid, message).why("Nothing was sent.").next(next)));
    }
    if let Some(Given { value: invalid, from }) = &chosen.invalid {
        let message = shown!("{} is not valid: {}", *from, *invalid);
        return Err(failed(Failure::new(Code::ConfigInvalid, message).next(shown!("Correct {}", *from))));
    }
    let means = means(chosen, surroundings)?;
    let auth = chosen.auth.as_ref().map_or("", |auth| auth.value.as_str());
    let auth_mount = chosen.auth_mount.as_ref().map_or_else(|| auth.to_owned(), |mount| mount.value.clone());
    let place = Whereabouts {
        address: address.to_string(),
        mount: chosen.mount.value.clone(),
        path: chosen.path.value.clone(),
        namespace: chosen.namespace.as_ref().map(|namespace| namespace.value.clone()),
        auth_mount: auth_mount.clone(),
    };
    let server_name = chosen.server_name.as_ref().map(|name| name.value.clone());
    let client = client(chosen, &address, surroundings).map_err(failed)?;
    let sign_in = SignIn { means, mount: auth_mount, server_name };
    let api = Api::new(client, address, sign_in, place.clone());
    Ok(Vault::new(api, place.mount, place.path))
}

fn no_address() -> Failure {
    Failure::new(Code::ConfigInvalid, "the store vault has no address")
        .next("Give it with --store-address URL, or set VAULT_ADDR")
}

/// What signs in. Reads the files that variables name.
fn means(chosen: &Chosen, surroundings: &mut dyn Surroundings) -> Result<Means, StoreError> {
    let role = chosen.role.as_ref().map(|role| role.value.clone());
    match chosen.auth.as_ref().map(|auth| auth.value) {
        None if chosen.is_agent => Ok(Means::Agent),
        None => Err(no_token("Nothing that signs in to it is set.")),
        Some(AuthKind::Token) => match token(surroundings).map_err(failed)? {
            Some(token) => Ok(Means::Token(token)),
            None if chosen.is_agent => Ok(Means::Agent),
            None => Err(no_token("No token is set, and the tools of Vault have saved none.")),
        },
        Some(AuthKind::AppRole) => {
            let role_id = secret(surroundings, settings::ROLE_ID, None).map_err(failed)?;
            let role_id = role_id.ok_or_else(|| no_token("SNOW_VAULT_ROLE_ID is not set."))?;
            let secret_id =
                secret(surroundings, settings::SECRET_ID, Some(settings::SECRET_ID_FILE)).map_err(failed)?;
            Ok(Means::AppRole { role_id, secret_id })
        }
        Some(AuthKind::Jwt) => {
            let jwt = secret(surroundings, settings::JWT, Some(settings::JWT_FILE)).map_err(failed)?;
            let jwt = jwt.ok_or_else(|| no_token("Neither SNOW_VAULT_JWT nor SNOW_VAULT_JWT_FILE is set."))?;
            Ok(Means::Jwt { role, jwt })
        }
        Some(AuthKind::Kubernetes) => {
            let role =
                role.ok_or_else(|| no_token("A sign-in with Kubernetes needs a role (store_role, SNOW_VAULT_ROLE)."))?;
            Ok(Means::Kubernetes { role, jwt_file: surroundings.variables().path(settings::JWT_FILE) })
        }
        Some(AuthKind::Cert) if chosen.client_cert.is_none() => {
            Err(no_token("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY are not set."))
        }
        Some(AuthKind::Cert) => Ok(Means::Cert { role }),
    }
}

/// Nothing signs in. Another machine or another day may have something.
fn no_token(why: &'static str) -> StoreError {
    let failure = Failure::new(Code::VaultNoToken, "nothing signs in to Vault")
        .why(why)
        .causes(error::NOTHING_SET)
        .next("Set VAULT_TOKEN, or sign in to Vault as with bao login")
        .next(Step::say("Or let it sign in by itself: ").and_run("snow help vault"));
    StoreError::new(KIND, Trouble::NoKey, failure)
}

fn token(surroundings: &mut dyn Surroundings) -> Result<Option<Secret>, Failure> {
    if let Some(given) = settings::first(surroundings.variables(), &settings::TOKEN) {
        return Secret::of_line(&given.value).map(Some).map_err(|invalid| invalid_secret(given.from, &invalid));
    }
    if let Some(path) = surroundings.variables().path(settings::TOKEN_FILE) {
        return surroundings.secret_file(&path, settings::TOKEN_FILE).map(Some);
    }
    match settings::saved_token(surroundings.variables()) {
        Some(path) => {
            let mut file = surroundings.open_secret_file(&path, "~/.vault-token")?;
            secret_file::read(&mut file, "~/.vault-token").map(Some)
        }
        None => Ok(None),
    }
}

fn secret(
    surroundings: &mut dyn Surroundings,
    variable: &'static str,
    file: Option<&'static str>,
) -> Result<Option<Secret>, Failure> {
    if let Some(text) = surroundings.variables().text(variable) {
        return Secret::of_line(text).map(Some).map_err(|invalid| invalid_secret(variable, &invalid));
    }
    let path = file.and_then(|file| Some((file, surroundings.variables().path(file)?)));
    path.map(|(file, path)| surroundings.secret_file(&path, file)).transpose()
}

fn invalid_secret(variable: &'static str, invalid: &crate::base::secret::InvalidSecret) -> Failure {
    Failure::new(Code::InvalidSecret, shown!("{} is not valid: {}", variable, *invalid))
        .next(shown!("Correct {}", variable))
}

/// The client, with the authorities, the certificate and the name that variables give.
fn client(chosen: &Chosen, address: &Address, surroundings: &dyn Surroundings) -> Result<Client, Failure> {
    let variables = surroundings.variables();
    let mut authorities = CaCertificates::default();
    if let Some(given) = &chosen.ca_cert {
        authorities.add(&files::absolute(&given.value))?;
    }
    if address.origin.origin().starts_with("https:") {
        CaVariables::of(variables).add_to(&mut authorities)?;
    }
    let route = Route::to(&address.origin, None, &ProxyVariables::of(variables))?;
    let server = chosen.server_name.as_ref().map(|name| Ok::<_, Failure>((name, addresses(address)?))).transpose()?;
    let server = server.as_ref().map(|(name, addresses)| (name.value.as_str(), addresses.as_slice()));
    let client = Client::of_server(&Verifiers::default(), &authorities, route, server)?;
    let host = server.map_or(address.origin.host(), |(name, _)| name);
    match (&chosen.client_cert, &chosen.client_key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => client.present(&identity(certificate, key)?, host),
        (Some(given), None) | (None, Some(given)) => {
            let message = shown!("{} is set, but not the other of certificate and key", given.from);
            return Err(Failure::new(Code::ConfigInvalid, message)
                .next("Set both VAULT_CLIENT_CERT and VAULT_CLIENT_KEY, or none of them"));
        }
    }
    Ok(client)
}

/// Where Vault is, if its certificate has another name than its address.
fn addresses(address: &Address) -> Result<Vec<SocketAddr>, Failure> {
    let url = address.origin.url("/");
    let host = address.origin.host().trim_start_matches('[').trim_end_matches(']');
    let found = (host, url.port_or_known_default().unwrap_or(443)).to_socket_addrs();
    found.map(Iterator::collect).map_err(|_| {
        Failure::new(Code::VaultUnreachable, shown!("could not resolve {}", Shown::outside(host)))
            .next("Check the address (store_address, VAULT_ADDR) and the network, then run the command again")
    })
}

fn identity(
    certificate: &Given<std::path::PathBuf>,
    key: &Given<std::path::PathBuf>,
) -> Result<ClientIdentity, Failure> {
    let invalid = |given: &Given<std::path::PathBuf>, reason: &str| {
        let path = given.value.display();
        let message = shown!("{}: {} cannot be used: {}", given.from, path, Shown::outside(reason));
        Failure::new(Code::ClientCertificateInvalid, message)
            .why("Nothing was sent.")
            .next(shown!("Set {} to a file in PEM format", given.from))
    };
    let bytes = |given: &Given<std::path::PathBuf>| {
        let read =
            files::read(Path::new(&given.value), MAX_PEM_BYTES).map_err(|error| invalid(given, &error.to_string()))?;
        read.map(zeroize::Zeroizing::new).ok_or_else(|| invalid(given, "no such file"))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&as_lines(&bytes(certificate)?)).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| invalid(certificate, "it contains no certificate in PEM format"))?;
    let key_bytes = bytes(key)?;
    let private = PrivateKeyDer::from_pem_slice(&as_lines(&key_bytes));
    let private = private.map_err(|_| invalid(key, "it contains no private key in PEM format, or an encrypted one"))?;
    ClientIdentity::new(chain, private).map_err(|_| invalid(key, "it does not belong to the certificate"))
}
