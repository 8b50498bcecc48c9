//! The gateway: `snow proxy`.

use serde::Serialize;

use crate::base::schemas;
use crate::base::secret::Secret;

/// The gateway, once it serves: `snow proxy`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Proxy<'a> {
    schema: schemas::Proxy,
    /// Its origin, on loopback.
    url: &'a str,
    /// What programs show, secret: the password of any user, or a bearer token. Null if it
    /// is in the file of `--local-password-file`.
    local_password: Option<&'a str>,
    /// The file of the certificate authority, in PEM; null without `--tls`.
    ca_cert: Option<&'a str>,
    /// The name of the connection.
    connection: &'a str,
}

impl<'a> Proxy<'a> {
    /// A secret that leaves in clear, unless there is a file for it.
    pub fn new(
        url: &'a str,
        local_password: Option<&'a Secret>,
        ca_cert: Option<&'a str>,
        connection: &'a str,
    ) -> Self {
        let local_password = local_password.map(Secret::expose);
        Self { schema: schemas::Proxy, url, local_password, ca_cert, connection }
    }
}
