//! Who can sign in.

/// A user who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct User {
    pub user_name: &'static str,
    pub password: &'static str,
    pub api_key: &'static str,
    pub display_name: &'static str,
    pub roles: &'static [&'static str],
}

/// The users. Passwords and keys are no secrets: the help shows them.
pub const USERS: &[User] = &[
    User {
        user_name: "admin",
        password: "sandbox-admin",
        api_key: "now_sandbox_admin",
        display_name: "System Administrator",
        roles: &["admin"],
    },
    User {
        user_name: "beth.anglin",
        password: "sandbox-beth",
        api_key: "now_sandbox_beth",
        display_name: "Beth Anglin",
        roles: &["itil"],
    },
    User {
        user_name: "svc.ci",
        password: "sandbox-svc",
        api_key: "now_sandbox_svc",
        display_name: "CI Service",
        roles: &["itil"],
    },
    User {
        user_name: "joe.employee",
        password: "sandbox-joe",
        api_key: "now_sandbox_joe",
        display_name: "Joe Employee",
        roles: &[],
    },
];

impl User {
    pub fn named(user_name: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.user_name.eq_ignore_ascii_case(user_name))
    }

    pub fn with_password(user_name: &str, password: &str) -> Option<&'static Self> {
        Self::named(user_name).filter(|user| user.password == password)
    }

    pub fn with_api_key(key: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.api_key == key)
    }

    /// The `sys_id` of the user's row in `sys_user`.
    pub fn id(&self) -> String {
        super::sys_id("sys_user", self.user_name)
    }
}
