//! Who can sign in at the org, and the org itself.

use super::ids::{id, short};

/// What keeps a user from something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Full,
    /// Frozen by an administrator: no sign-in works.
    Frozen,
    PasswordExpired,
    /// The profile lacks API Enabled.
    NoApi,
}

/// A user who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct User {
    pub user_name: &'static str,
    pub password: &'static str,
    /// Follows the password in `login()`.
    pub security_token: &'static str,
    pub first_name: &'static str,
    pub last_name: &'static str,
    /// Not the user name, although it looks like one.
    pub email: &'static str,
    pub profile: &'static str,
    pub access: Access,
}

const STANDARD: &str = "Standard User";

/// The users. Passwords and tokens are no secrets: the help shows them.
pub const USERS: &[User] = &[
    User {
        user_name: "admin@sandbox.example",
        password: "sandbox-admin",
        security_token: "AdminToken00000000000001",
        first_name: "Ada",
        last_name: "Amberfield",
        email: "ada@example.com",
        profile: "System Administrator",
        access: Access::Full,
    },
    User {
        user_name: "integration@sandbox.example",
        password: "sandbox&<integration>",
        security_token: "IntegrationToken00000002",
        first_name: "Integration",
        last_name: "User",
        email: "integration@example.com",
        profile: "Minimum Access - API Only Integrations",
        access: Access::Full,
    },
    User {
        user_name: "frozen@sandbox.example",
        password: "sandbox-frozen",
        security_token: "FrozenToken0000000000003",
        first_name: "Falk",
        last_name: "Fernbrook",
        email: "falk@example.com",
        profile: STANDARD,
        access: Access::Frozen,
    },
    User {
        user_name: "expired@sandbox.example",
        password: "sandbox-expired",
        security_token: "ExpiredToken000000000004",
        first_name: "Edda",
        last_name: "Elmstead",
        email: "edda@example.com",
        profile: STANDARD,
        access: Access::PasswordExpired,
    },
    User {
        user_name: "noapi@sandbox.example",
        password: "sandbox-noapi",
        security_token: "NoApiToken00000000000005",
        first_name: "Nilo",
        last_name: "Northgate",
        email: "nilo@example.com",
        profile: STANDARD,
        access: Access::NoApi,
    },
];

pub const ORG_NAME: &str = "Sandbox Trading Ltd";

/// The identifier of the org, in 18 characters.
pub fn org_id() -> String {
    id("00D", 62 * 62 + 17)
}

impl User {
    pub fn named(user_name: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.user_name.eq_ignore_ascii_case(user_name))
    }

    /// As the login page knows a user: without the security token.
    pub fn with_password(user_name: &str, password: &str) -> Option<&'static Self> {
        Self::named(user_name).filter(|user| user.password == password && user.access != Access::Frozen)
    }

    pub fn with_id(id: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| short(&user.id()) == short(id))
    }

    pub fn id(&self) -> String {
        let place = USERS.iter().position(|user| user.user_name == self.user_name).unwrap_or(USERS.len());
        id("005", place + 1)
    }

    pub fn profile_id(&self) -> String {
        let place = USERS.iter().position(|user| user.profile == self.profile).unwrap_or(USERS.len());
        id("00e", place + 1)
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}
