//! The ways to sign in, as data.
//!
//! Code that treats them alike iterates [`METHODS`]. The protocol of each is in its
//! own module.

use super::{basic, oauth};
use crate::model::profile::AuthMethod;
use crate::store::Field;

/// A way to sign in.
pub struct MethodSpec {
    pub method: AuthMethod,
    /// What a person calls it.
    pub label: &'static str,
    /// The stored item that a sign-in requires.
    pub needs: Field,
    /// Every item it may store, in the order in which logout deletes them.
    pub items: &'static [Field],
    pub renewal: Renewal,
    /// Set if environment variables alone can describe it.
    pub variables: Option<MethodVariables>,
}

/// How a new access token is obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// There is no session: the saved secret is sent as it is.
    None,
    /// With the refresh token.
    RefreshToken,
    /// By signing in again, unattended.
    SignsInAgain,
}

/// The environment variables of one way to sign in.
#[derive(Debug, Clone, Copy)]
pub struct MethodVariables {
    /// Its word in `SNOW_AUTH`.
    pub name: &'static str,
    /// The secret itself, or the file that holds it.
    pub secret: &'static str,
    pub secret_file: &'static str,
    /// All of them, including those of the secret.
    pub all: &'static [&'static str],
}

/// Every way to sign in that a saved connection can use.
pub static METHODS: [&MethodSpec; 3] = [&basic::SPEC, &oauth::AUTHORIZATION_CODE, &oauth::CLIENT_CREDENTIALS];

impl MethodSpec {
    /// The data of a way to sign in.
    pub fn of(method: AuthMethod) -> &'static Self {
        METHODS.into_iter().find(|spec| spec.method == method).expect("every way to sign in is in the list")
    }

    /// Whether it has a session, which is only changed under a lock.
    pub fn has_session(&self) -> bool {
        self.renewal != Renewal::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_method_once_with_the_item_that_it_needs() {
        for method in AuthMethod::ALL {
            assert_eq!(METHODS.iter().filter(|spec| spec.method == method).count(), 1, "{}", method.as_str());
            let spec = MethodSpec::of(method);
            assert!(spec.items.contains(&spec.needs), "{}", spec.label);
            if let Some(variables) = spec.variables {
                assert!([variables.secret, variables.secret_file].iter().all(|name| variables.all.contains(name)));
                assert_eq!(variables.name, method.as_str());
            }
        }
    }
}
