//! The ways to sign in, as data: what is true of each, for whoever goes through all
//! of them. How each is done stands in its own room.

use super::{basic, oauth};
use crate::model::profile::AuthMethod;
use crate::store::Field;

/// A way to sign in.
pub struct MethodSpec {
    pub method: AuthMethod,
    /// What a person calls it.
    pub label: &'static str,
    /// The item of the store without which nobody can sign in.
    pub needs: Field,
    /// Every item that it may have, in the order in which they are forgotten.
    pub items: &'static [Field],
    pub renewal: Renewal,
    /// Where variables alone can describe it.
    pub variables: Option<MethodVariables>,
}

/// How another access token is had, where it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It has no session: what is saved is sent as it is.
    None,
    /// With a refresh token, while the server takes it.
    RefreshToken,
    /// By signing in once more, without anybody.
    SignsInAgain,
}

/// The variables that describe a way to sign in, and no other.
#[derive(Debug, Clone, Copy)]
pub struct MethodVariables {
    /// Its word in `SNOW_AUTH`.
    pub name: &'static str,
    /// The secret itself, or the file that holds it.
    pub secret: &'static str,
    pub secret_file: &'static str,
    /// All of them, those of the secret included.
    pub all: &'static [&'static str],
}

/// Every way to sign in that a connection can be saved with.
pub static METHODS: [&MethodSpec; 3] = [&basic::SPEC, &oauth::AUTHORIZATION_CODE, &oauth::CLIENT_CREDENTIALS];

impl MethodSpec {
    /// The data of a way to sign in.
    pub fn of(method: AuthMethod) -> &'static Self {
        METHODS.into_iter().find(|spec| spec.method == method).expect("every way to sign in is in the list")
    }

    /// Whether it has a session, which is renewed and replaced under a lock.
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
