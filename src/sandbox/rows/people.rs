//! People and what they belong to: users, groups, departments, locations, roles.

use super::users::USERS;
use super::{Prng, Store, sys_id};

/// The `sys_id`s that other rows refer to.
pub struct People {
    pub users: Vec<String>,
    /// Those who work on tickets.
    pub agents: Vec<String>,
    pub groups: Vec<String>,
    pub departments: Vec<String>,
    pub locations: Vec<String>,
}

const PEOPLE: usize = 150;
const CREATED: &str = "2025-06-01 08:00:00";

const FIRST_NAMES: &[&str] = &[
    "Ada", "Bela", "Cleo", "Dario", "Edda", "Falk", "Gila", "Hanno", "Ilka", "Jaro", "Kira", "Levin", "Mina", "Nilo",
    "Orla", "Piet", "Quinn", "Rika", "Sami", "Tilda", "Udo", "Vera", "Wim", "Xenia", "Yara", "Zeno",
];
const LAST_NAMES: &[&str] = &[
    "Amberfield",
    "Birkdale",
    "Copperhill",
    "Dunmoor",
    "Elmstead",
    "Fernbrook",
    "Greywater",
    "Hollowell",
    "Ironside",
    "Juniper",
    "Kestrelby",
    "Larkspur",
    "Millrace",
    "Northgate",
    "Oakhaven",
    "Pinewood",
    "Quarry",
    "Ravenholt",
    "Silverton",
    "Thornbury",
    "Underhill",
    "Valebrook",
    "Winterbourne",
    "Yarrow",
];
const TITLES: &[&str] =
    &["Account Manager", "Accountant", "Buyer", "Designer", "Engineer", "Planner", "Technician", "Trainer"];
const DEPARTMENTS: &[(&str, &str)] = &[
    ("Customer Support", "1100"),
    ("Development", "1200"),
    ("Finance", "1300"),
    ("HR", "1400"),
    ("IT", "1500"),
    ("Product Management", "1600"),
    ("Sales", "1700"),
];
const LOCATIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("1 Harbour Street, Northport", "1 Harbour Street", "Northport", "10001", "Europe/London"),
    ("22 Mill Lane, Westford", "22 Mill Lane", "Westford", "20022", "America/New_York"),
    ("5 Station Square, Eastvale", "5 Station Square", "Eastvale", "30005", "Europe/Berlin"),
    ("80 Hill Road, Southby", "80 Hill Road", "Southby", "40080", "Asia/Tokyo"),
    ("Data Center Greyrock", "3 Quarry Way", "Greyrock", "50003", "UTC"),
];
const GROUPS: &[(&str, &str)] = &[
    ("Service Desk", "First line of support"),
    ("Network", "Lines, switches, and the VPN"),
    ("Database", "Databases and their backups"),
    ("Hardware", "Computers, printers, telephones"),
    ("Software", "Applications on the desktop"),
    ("Change Management", "Approves and plans changes"),
    ("Problem Solving", "Looks for root causes"),
    ("Server Operations", "Servers and the data center"),
];
const ROLES: &[(&str, &str)] = &[
    ("admin", "May do everything"),
    ("itil", "Works on incidents, problems and changes"),
    ("snc_platform_rest_api_access", "May use the REST APIs where they are closed"),
];

pub fn fill(store: &mut Store, prng: &mut Prng) -> People {
    let departments: Vec<String> = DEPARTMENTS.iter().map(|(name, _)| sys_id("cmn_department", name)).collect();
    let locations: Vec<String> = LOCATIONS.iter().map(|(name, ..)| sys_id("cmn_location", name)).collect();
    let groups: Vec<String> = GROUPS.iter().map(|(name, _)| sys_id("sys_user_group", name)).collect();
    for (name, street, city, zip, time_zone) in LOCATIONS {
        let values = [("name", *name), ("street", street), ("city", city), ("zip", zip), ("time_zone", time_zone)];
        add(store, "cmn_location", name, values);
    }
    let users = fill_users(store, prng, &departments, &locations);
    let agents: Vec<String> =
        [1, 2].into_iter().chain(USERS.len()..USERS.len() + 30).map(|at| users[at].clone()).collect();
    for ((name, id), head) in DEPARTMENTS.iter().zip(agents.iter().skip(2)) {
        add(store, "cmn_department", name, [("name", *name), ("id", id), ("dept_head", head)]);
    }
    for ((name, description), manager) in GROUPS.iter().zip(agents.iter().skip(10)) {
        let values = [("name", *name), ("description", description), ("manager", manager), ("active", "true")];
        add(store, "sys_user_group", name, values);
    }
    for (at, agent) in agents.iter().enumerate() {
        for group in [&groups[at % groups.len()], &groups[(at + 3) % groups.len()]] {
            let key = format!("{group}/{agent}");
            add(store, "sys_user_grmember", &key, [("user", agent.as_str()), ("group", group)]);
        }
    }
    fill_roles(store, &agents);
    People { users, agents, groups, departments, locations }
}

fn fill_users(store: &mut Store, prng: &mut Prng, departments: &[String], locations: &[String]) -> Vec<String> {
    let mut users = Vec::with_capacity(USERS.len() + PEOPLE);
    for user in USERS {
        let (first, last) = user.display_name.split_once(' ').expect("a display name has two words");
        add_user(store, prng, user.user_name, (first, last), (departments, locations), &users);
        users.push(user.id());
    }
    // Every combination of names once, in an order that jumps about.
    for at in 0..PEOPLE {
        let first = FIRST_NAMES[at % FIRST_NAMES.len()];
        let last = LAST_NAMES[(at * 5 + at / FIRST_NAMES.len()) % LAST_NAMES.len()];
        let mut user_name = format!("{}.{}", first.to_lowercase(), last.to_lowercase());
        if store.find("sys_user", &sys_id("sys_user", &user_name)).is_some() {
            user_name.push_str(&at.to_string());
        }
        add_user(store, prng, &user_name, (first, last), (departments, locations), &users);
        users.push(sys_id("sys_user", &user_name));
    }
    users
}

fn add_user(
    store: &mut Store,
    prng: &mut Prng,
    user_name: &str,
    (first, last): (&str, &str),
    (departments, locations): (&[String], &[String]),
    before: &[String],
) {
    let is_service = user_name == "svc.ci";
    let number = before.len();
    let manager = if number > 8 { before[USERS.len() + prng.below(4)].clone() } else { String::new() };
    let active = number < 60 || prng.percent(93);
    let flag = |is: bool| is.to_string();
    let values = [
        ("user_name", user_name.to_owned()),
        ("first_name", first.to_owned()),
        ("last_name", last.to_owned()),
        ("name", format!("{first} {last}")),
        ("title", if is_service { String::new() } else { (*prng.pick(TITLES)).to_owned() }),
        ("email", format!("{user_name}@example.com")),
        ("phone", format!("+1 555 0{:03}", 100 + number)),
        ("mobile_phone", format!("+1 555 1{:03}", 100 + number)),
        ("employee_number", format!("E{:05}", 1000 + number)),
        ("u_salary_band", format!("B{}", 1 + prng.below(6))),
        ("department", prng.pick(departments).clone()),
        ("location", prng.pick(locations).clone()),
        ("manager", manager),
        ("time_zone", "UTC".to_owned()),
        ("vip", flag(prng.percent(4))),
        ("active", flag(active)),
        ("locked_out", flag(!active && prng.percent(30))),
        ("password_needs_reset", flag(false)),
        ("web_service_access_only", flag(is_service)),
    ];
    add(store, "sys_user", user_name, values);
}

fn fill_roles(store: &mut Store, agents: &[String]) {
    for (name, description) in ROLES {
        add(store, "sys_user_role", name, [("name", *name), ("description", description)]);
    }
    let signed_in = USERS.iter().flat_map(|user| user.roles.iter().map(|role| (user.id(), *role)));
    let others = agents.iter().skip(2).map(|agent| (agent.clone(), "itil"));
    for (user, role) in signed_in.chain(others).collect::<Vec<_>>() {
        let (key, role) = (format!("{user}/{role}"), sys_id("sys_user_role", role));
        add(store, "sys_user_has_role", &key, [("user", user.as_str()), ("role", &role), ("inherited", "false")]);
    }
    for user in USERS {
        let values = [("user", user.id()), ("name", "rowcount".to_owned()), ("value", "20".to_owned())];
        add(store, "sys_user_preference", user.user_name, values);
    }
}

/// Adds a row that was there from the beginning.
pub(super) fn add<'v, V: Into<Box<str>>>(
    store: &mut Store,
    table: &str,
    key: &str,
    values: impl IntoIterator<Item = (&'v str, V)>,
) {
    let since = [
        ("sys_created_on", CREATED),
        ("sys_created_by", "admin"),
        ("sys_updated_on", CREATED),
        ("sys_updated_by", "admin"),
        ("sys_mod_count", "0"),
    ];
    let since = since.into_iter().map(|(field, value)| (field, value.into()));
    let values = values.into_iter().map(|(field, value)| (field, value.into()));
    store.insert::<Box<str>>(table, &sys_id(table, key), since.chain(values));
}
