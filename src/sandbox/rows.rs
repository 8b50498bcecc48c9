//! The users and rows of the embedded instance. Everything is made up, and the
//! same at each start.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Somebody who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct User {
    pub user_name: &'static str,
    pub password: &'static str,
    pub display_name: &'static str,
    pub roles: &'static [&'static str],
}

/// The users; the passwords are no secrets, they stand in the help.
pub const USERS: &[User] = &[
    User { user_name: "admin", password: "sandbox-admin", display_name: "System Administrator", roles: &["admin"] },
    User { user_name: "beth.anglin", password: "sandbox-beth", display_name: "Beth Anglin", roles: &["itil"] },
    User { user_name: "svc.ci", password: "sandbox-svc", display_name: "CI Service", roles: &["itil"] },
    User { user_name: "joe.employee", password: "sandbox-joe", display_name: "Joe Employee", roles: &[] },
];

impl User {
    pub fn named(user_name: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.user_name.eq_ignore_ascii_case(user_name))
    }

    pub fn with_password(user_name: &str, password: &str) -> Option<&'static Self> {
        Self::named(user_name).filter(|user| user.password == password)
    }
}

const INCIDENTS: &[(&str, &str, &str, usize)] = &[
    ("INC0000060", "Unable to connect to email", "7", 3),
    ("INC0009009", "Unable to access the shared folder", "1", 1),
    ("INC0009005", "Email server is down", "1", 1),
    ("INC0009001", "Unable to post content on a wiki page", "3", 2),
    ("INC0008112", "Assessment: ATF Assessor", "2", 0),
    ("INC0007002", "Need access to the common drive", "1", 1),
    ("INC0007001", "Employee payroll application server is down", "1", 1),
    ("INC0000055", "SAP Sales app is not accessible", "2", 1),
];

/// One table: its rows, in order.
pub struct Table {
    pub name: &'static str,
    pub rows: Vec<Map<String, Value>>,
}

/// A `sys_id`: 32 hexadecimal digits, the same at each start.
pub fn sys_id(kind: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{kind}/{key}"));
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All tables. `origin` stands in the links of references.
pub fn tables(origin: &str) -> Vec<Table> {
    let user_id = |user: &User| sys_id("sys_user", user.user_name);
    let reference = |id: String| json!({ "link": format!("{origin}/api/now/table/sys_user/{id}"), "value": id });
    let incidents = INCIDENTS.iter().map(|&(number, short_description, state, caller)| {
        json!({
            "sys_id": sys_id("incident", number),
            "number": number,
            "short_description": short_description,
            "state": state,
            "active": if state == "7" { "false" } else { "true" },
            "priority": "3",
            "caller_id": reference(user_id(&USERS[caller])),
            "sys_class_name": "incident",
            "sys_created_on": "2026-01-12 09:41:00",
        })
    });
    let users = USERS.iter().map(|user| {
        json!({
            "sys_id": user_id(user),
            "user_name": user.user_name,
            "name": user.display_name,
            "active": "true",
            "email": format!("{}@example.com", user.user_name),
            "sys_created_on": "2025-06-01 08:00:00",
        })
    });
    vec![
        Table { name: "incident", rows: incidents.map(row).collect() },
        Table { name: "sys_user", rows: users.map(row).collect() },
    ]
}

fn row(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(row) => row,
        _ => unreachable!("a row is an object"),
    }
}
