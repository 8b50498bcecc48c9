//! What signs in to Vault: a token, or what gets one.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::settings::{AuthKind, JWT_FILE};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::server_text::Redactor;

/// The token of its service account, in a pod.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How this run signs in.
pub struct SignIn {
    pub means: Means,
    /// Where Vault has the sign-in, below `auth/`.
    pub mount: String,
    /// The name in the certificate of Vault, where the address has another.
    pub server_name: Option<String>,
}

pub enum Means {
    /// An agent adds its token.
    Agent,
    Token(Secret),
    AppRole {
        role_id: Secret,
        secret_id: Option<Secret>,
    },
    Jwt {
        role: Option<String>,
        jwt: Secret,
    },
    /// A pod has the token of its service account in a file, that of a variable or the
    /// usual one.
    Kubernetes {
        role: String,
        jwt_file: Option<PathBuf>,
    },
    /// The certificate is sent in the handshake.
    Cert {
        role: Option<String>,
    },
}

/// A request that signs in: its path and body; or the token, if there is one.
type Request = Result<(String, Value), Secret>;

impl SignIn {
    /// What to send; nothing where an agent does it.
    pub fn request(&self) -> Result<Option<Request>, Failure> {
        let body = match &self.means {
            Means::Agent => return Ok(None),
            Means::Token(token) => return Ok(Some(Err(token.clone()))),
            Means::AppRole { role_id, secret_id: None } => json!({ "role_id": role_id.expose() }),
            Means::AppRole { role_id, secret_id: Some(secret_id) } => {
                json!({ "role_id": role_id.expose(), "secret_id": secret_id.expose() })
            }
            Means::Jwt { role: None, jwt } => json!({ "jwt": jwt.expose() }),
            Means::Jwt { role: Some(role), jwt } => json!({ "role": role, "jwt": jwt.expose() }),
            Means::Kubernetes { role, jwt_file } => {
                json!({ "role": role, "jwt": service_account(jwt_file.as_deref())?.expose() })
            }
            Means::Cert { role: None } => json!({}),
            Means::Cert { role: Some(role) } => json!({ "name": role }),
        };
        Ok(Some(Ok((format!("auth/{}/login", self.mount), body))))
    }

    /// Whether it can get another token.
    pub fn can_be_repeated(&self) -> bool {
        !matches!(self.means, Means::Agent | Means::Token(_))
    }

    pub fn method(&self) -> &'static str {
        match self.means {
            Means::Agent => "the agent",
            Means::Token(_) => AuthKind::Token.as_str(),
            Means::AppRole { .. } => AuthKind::AppRole.as_str(),
            Means::Jwt { .. } => AuthKind::Jwt.as_str(),
            Means::Kubernetes { .. } => AuthKind::Kubernetes.as_str(),
            Means::Cert { .. } => AuthKind::Cert.as_str(),
        }
    }

    pub fn secrets(&self) -> Vec<Secret> {
        match &self.means {
            Means::Token(token) => vec![token.clone()],
            Means::AppRole { role_id, secret_id } => [role_id].into_iter().chain(secret_id).cloned().collect(),
            Means::Jwt { jwt, .. } => vec![jwt.clone()],
            Means::Kubernetes { jwt_file, .. } => service_account(jwt_file.as_deref()).into_iter().collect(),
            Means::Agent | Means::Cert { .. } => Vec::new(),
        }
    }

    /// Masks what was sent in what comes back.
    pub fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        self.secrets().iter().for_each(|secret| redactor.add(secret));
        redactor
    }
}

/// The token of the service account. It is replaced from time to time, so it is read anew.
fn service_account(path: Option<&Path>) -> Result<Secret, Failure> {
    let (path, origin) = match path {
        Some(path) => (path, JWT_FILE),
        None => (Path::new(SERVICE_ACCOUNT), "the service account"),
    };
    let (mut file, _) = secret_file::open(path, origin)?;
    secret_file::read(&mut file, origin)
}
