//! What an administrator of Salesforce must set up, for each way to sign in.

use crate::service::guide::Guide;

/// A guide without what is true of the others.
const fn guide(method: &'static str, about: &'static str, text: &'static str) -> Guide {
    Guide { method, about, text, has_redirect_uri: false, account: ACCOUNT, tokens: "" }
}

pub static GUIDES: [Guide; 5] = [
    Guide {
        has_redirect_uri: true,
        ..guide("oauth", "People, with their browser", include_str!("../../guide/salesforce/oauth.md"))
    },
    guide(
        "client-credentials",
        "Machines: CI, jobs, services",
        include_str!("../../guide/salesforce/client-credentials.md"),
    ),
    guide("jwt-bearer", "Machines that sign with a private key", include_str!("../../guide/salesforce/jwt-bearer.md")),
    guide("basic", "User name, password and security token", include_str!("../../guide/salesforce/basic.md")),
    guide("token", "Tokens of another program", include_str!("../../guide/salesforce/token.md")),
];

const ACCOUNT: &str = include_str!("../../guide/salesforce/account.md");
