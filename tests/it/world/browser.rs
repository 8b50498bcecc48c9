//! A person before a browser without scripts, who signs in at the embedded
//! instance.

use snow_connect::sandbox::USERS;
use url::Url;

use super::ask::{Ask, Reply};

pub fn get(url: &str) -> Reply {
    Ask::new("GET", url).send()
}

pub fn post(url: &str, form: &[(&str, &str)]) -> Reply {
    Ask::new("POST", url).form(form).send()
}

/// Opens the page, signs in as one of the instance's users, and presses the
/// button `allow` or `deny`. The answer is where the browser goes then.
#[track_caller]
pub fn sign_in(authorization_url: &str, user_name: &str, decision: &str) -> String {
    let origin = Url::parse(authorization_url).unwrap().origin().ascii_serialization();
    let password = USERS.iter().find(|user| user.user_name == user_name).expect("a user of the instance").password;
    let page = get(authorization_url);
    assert_eq!(page.status, 200, "{page:?}");
    let transaction = page.hidden("transaction");
    let form = [("transaction", transaction.as_str()), ("user_name", user_name), ("user_password", password)];
    let page = post(&format!("{origin}/oauth_login.do"), &form);
    assert_eq!(page.status, 200, "{page:?}");
    let form = [("transaction", page.hidden("transaction")), ("decision", decision.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post(&format!("{origin}/oauth_consent.do"), &form).location()
}

/// A parameter in the query of an address.
#[track_caller]
pub fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').unwrap_or_else(|| panic!("no query in {address}")).1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned()
}
