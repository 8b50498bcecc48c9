//! Makes the rows up: accounts, their contacts, and the cases of both.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::ids::id;
use super::people::{ORG_NAME, USERS, org_id};
use super::store::Store;
use crate::sandbox::rows::Prng;

const CITIES: &[(&str, &str)] =
    &[("Northport", "United Kingdom"), ("Westford", "United States"), ("Eastvale", "Germany"), ("Southby", "Japan")];
const TRADES: &[&str] = &["Agriculture", "Banking", "Education", "Energy", "Healthcare", "Retail", "Utilities"];
const FIRMS: &[&str] = &["Copperhill", "Dunmoor", "Greywater", "Hollowell", "Larkspur", "Millrace", "Thornbury"];
const FORMS: &[&str] = &["Foods", "Logistics", "Mills", "Power", "Software", "Trading"];
const FIRST_NAMES: &[&str] =
    &["Bela", "Cleo", "Dario", "Gila", "Hanno", "Ilka", "Jaro", "Kira", "Orla", "Piet", "Vera"];
const LAST_NAMES: &[&str] = &["Birkdale", "Elmstead", "Ironside", "Juniper", "Oakhaven", "Pinewood", "Yarrow"];
const TITLES: &[&str] = &["Buyer", "CEO", "Engineer", "Facilities Manager", "VP, Operations"];
const SUBJECTS: &[(&str, &str, &str)] = &[
    ("Starting the generator after an electrical failure", "Electrical", "Breakdown"),
    ("The power generator arrived with wrong parts", "Mechanical", "Equipment Complexity"),
    ("Cannot sign in to the customer portal", "Other", "Performance"),
    ("Maintenance guidelines for a generator unclear", "Electrical", "Equipment Design"),
    ("Invoice shows the wrong address", "Other", "Other"),
    ("A panel of the enclosure is loose", "Structural", "Installation"),
    ("Seeking guidance on electrical wiring", "Electrical", "Installation"),
];
const STATUSES: &[&str] = &["New", "New", "Working", "Working", "Escalated", "Closed", "Closed", "Closed"];

pub fn fill(store: &mut Store, cases: usize, seed: u64) {
    let prng = &mut Prng::new(seed);
    // A fixed day: the rows are the same whenever the org starts.
    let newest = NaiveDate::from_ymd_opt(2026, 6, 30).and_then(|day| day.and_hms_opt(17, 0, 0)).expect("a date");
    people(store, newest - TimeDelta::days(400));
    let admin = USERS[0].id();
    let accounts: Vec<String> = (0..(cases / 20).max(5))
        .map(|at| {
            let (city, country) = *prng.pick(CITIES);
            let firm = format!("{} {}", prng.pick(FIRMS), prng.pick(FORMS));
            let values = [
                ("Name", if at < FIRMS.len() { firm.clone() } else { format!("{firm} {at}") }),
                ("Type", (*prng.pick(&["Customer - Direct", "Customer - Channel", "Prospect"])).to_owned()),
                ("Industry", (*prng.pick(TRADES)).to_owned()),
                ("Phone", phone(prng)),
                ("Website", format!("https://{}.example", firm.to_lowercase().replace(' ', "-"))),
                ("BillingCity", city.to_owned()),
                ("BillingCountry", country.to_owned()),
                ("NumberOfEmployees", (20 + prng.below(9000)).to_string()),
                ("OwnerId", admin.clone()),
            ];
            add(store, "Account", &values, newest - TimeDelta::hours(500 + at as i64 * 13))
        })
        .collect();
    let contacts: Vec<(String, String)> = (0..accounts.len() * 2)
        .map(|at| {
            let account = accounts[at / 2].clone();
            let (first, last) = (*prng.pick(FIRST_NAMES), *prng.pick(LAST_NAMES));
            let values = [
                ("FirstName", first.to_owned()),
                ("LastName", last.to_owned()),
                ("Name", format!("{first} {last}")),
                ("AccountId", account.clone()),
                ("Email", format!("{}.{}.{at}@example.com", first.to_lowercase(), last.to_lowercase())),
                ("Phone", phone(prng)),
                ("Title", (*prng.pick(TITLES)).to_owned()),
                ("Birthdate", format!("19{}-0{}-1{}", 60 + prng.below(40), 1 + prng.below(9), prng.below(10))),
                ("OwnerId", admin.clone()),
            ];
            (add(store, "Contact", &values, newest - TimeDelta::hours(400 + at as i64 * 7)), account)
        })
        .collect();
    for at in 0..cases {
        let (subject, kind, reason) = *prng.pick(SUBJECTS);
        let (contact, account) = prng.pick(&contacts).clone();
        let opened = newest - TimeDelta::minutes((cases - at) as i64 * 97);
        let status = *prng.pick(STATUSES);
        let is_closed = status == "Closed";
        let closed = opened + TimeDelta::minutes(30 + prng.below(9000) as i64);
        let values = [
            ("CaseNumber", format!("{:08}", 1000 + at)),
            ("Subject", subject.to_owned()),
            ("Description", if prng.percent(70) { format!("{subject}. Please help.") } else { String::new() }),
            ("Status", status.to_owned()),
            ("Priority", (*prng.pick(&["High", "Medium", "Medium", "Low"])).to_owned()),
            ("Origin", (*prng.pick(&["Email", "Phone", "Web"])).to_owned()),
            ("Reason", reason.to_owned()),
            ("Type", kind.to_owned()),
            ("IsClosed", is_closed.to_string()),
            ("IsEscalated", (status == "Escalated").to_string()),
            ("ClosedDate", if is_closed { moment(closed) } else { String::new() }),
            ("AccountId", account),
            ("ContactId", contact),
            ("OwnerId", USERS[prng.below(2)].id()),
        ];
        add(store, "Case", &values, opened);
    }
}

fn people(store: &mut Store, since: NaiveDateTime) {
    let org = [
        ("Name", ORG_NAME.to_owned()),
        ("OrganizationType", "Developer Edition".to_owned()),
        ("InstanceName", "SBX1".to_owned()),
        ("IsSandbox", "false".to_owned()),
    ];
    store.insert_as("Organization", &org_id(), &[&org[..], &made(since)].concat());
    for user in USERS {
        let values = [
            ("Username", user.user_name.to_owned()),
            ("FirstName", user.first_name.to_owned()),
            ("LastName", user.last_name.to_owned()),
            ("Name", user.name()),
            ("Email", user.email.to_owned()),
            ("IsActive", "true".to_owned()),
            ("ProfileId", user.profile_id()),
            ("UserType", "Standard".to_owned()),
            ("TimeZoneSidKey", "Europe/Berlin".to_owned()),
            ("LanguageLocaleKey", "en_US".to_owned()),
        ];
        store.insert_as("User", &user.id(), &[&values[..], &made(since)].concat());
    }
}

fn add(store: &mut Store, object: &str, values: &[(&'static str, String)], at: NaiveDateTime) -> String {
    store.insert(object, &[values, &made(at)].concat())
}

/// Who made a row, and when.
fn made(at: NaiveDateTime) -> [(&'static str, String); 5] {
    let (at, by) = (moment(at), id("005", 1));
    [
        ("CreatedDate", at.clone()),
        ("CreatedById", by.clone()),
        ("LastModifiedDate", at.clone()),
        ("LastModifiedById", by),
        ("SystemModstamp", at),
    ]
}

fn phone(prng: &mut Prng) -> String {
    format!("(555) 0{:02}-{:04}", prng.below(100), prng.below(10_000))
}

/// A moment as the REST API writes it.
pub fn moment(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}
