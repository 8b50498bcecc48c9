//! Basic authentication (RFC 7617): user name and password in one header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::method::{MethodSpec, MethodVariables, Renewal};
use crate::base::secret::Secret;
use crate::model::profile::AuthMethod;
use crate::model::user_name::UserName;
use crate::store::Field;

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::Basic,
    label: "Basic",
    needs: Field::Password,
    items: &[Field::Password],
    renewal: Renewal::None,
    variables: Some(MethodVariables {
        name: "basic",
        secret: "SNOW_PASSWORD",
        secret_file: "SNOW_PASSWORD_FILE",
        all: &["SNOW_USERNAME", "SNOW_PASSWORD", "SNOW_PASSWORD_FILE"],
    }),
};

/// A user name with its password.
#[derive(Debug)]
pub struct BasicCredential {
    username: UserName,
    password: Secret,
}

impl BasicCredential {
    pub fn new(username: UserName, password: Secret) -> Self {
        Self { username, password }
    }

    pub fn username(&self) -> &UserName {
        &self.username
    }

    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// `user:password` in base64, UTF-8 and NFC (RFC 7617 §2.1): the part of
    /// the header that is as secret as the password.
    pub fn encoded(&self) -> Secret {
        let password: Zeroizing<String> = Zeroizing::new(self.password.expose().nfc().collect());
        let pair: Zeroizing<String> =
            Zeroizing::new(format!("{}:{}", self.username.as_str().nfc().collect::<String>(), *password));
        Secret::derived(STANDARD.encode(pair.as_bytes())).expect("base64 of something is a secret")
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub fn header(&self) -> HeaderValue {
        let value = Zeroizing::new(format!("Basic {}", self.encoded().expose()));
        let mut header = HeaderValue::from_str(&value).expect("base64 is a header value");
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str, password: &str) -> String {
        let credential = BasicCredential::new(user.parse().unwrap(), Secret::new(password.into()).unwrap());
        credential.header().to_str().unwrap().to_owned()
    }

    #[test]
    fn the_examples_of_rfc_7617_hold() {
        assert_eq!(header("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn a_password_may_hold_a_colon_and_is_composed() {
        assert_eq!(header("u", "a:b"), format!("Basic {}", STANDARD.encode("u:a:b")));
        assert_eq!(header("u", "e\u{301}x"), header("u", "\u{e9}x"));
    }
}
