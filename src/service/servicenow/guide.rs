//! What an administrator of ServiceNow must set up, for each way to sign in.

use crate::service::guide::Guide;

pub static GUIDES: [Guide; 7] = [
    Guide {
        method: "oauth",
        about: "People, with their browser",
        text: include_str!("../../guide/oauth.md"),
        has_redirect_uri: true,
        account: ACCOUNT,
        tokens: TOKENS,
    },
    Guide {
        method: "client-credentials",
        about: "Machines: CI, jobs, services",
        text: include_str!("../../guide/client-credentials.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: TOKENS,
    },
    Guide {
        method: "basic",
        about: "User name and password",
        text: include_str!("../../guide/basic.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: "",
    },
    Guide {
        method: "api-key",
        about: "One key for one user",
        text: include_str!("../../guide/api-key.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: "",
    },
    Guide {
        method: "jwt-bearer",
        about: "Machines that sign with a private key",
        text: include_str!("../../guide/jwt-bearer.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: TOKENS,
    },
    Guide {
        method: "certificate",
        about: "Mutual TLS: a certificate and its key",
        text: include_str!("../../guide/certificate.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: "",
    },
    Guide {
        method: "token",
        about: "Tokens of an identity provider",
        text: include_str!("../../guide/token.md"),
        has_redirect_uri: false,
        account: ACCOUNT,
        tokens: "",
    },
];

const ACCOUNT: &str = include_str!("../../guide/account.md");
const TOKENS: &str = include_str!("../../guide/tokens.md");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::usual;

    #[test]
    fn every_way_to_sign_in_has_a_guide() {
        let mut guides: Vec<_> = GUIDES.iter().map(|guide| guide.method).collect();
        let mut methods: Vec<_> = usual().methods().iter().map(|spec| spec.method.as_str()).collect();
        guides.sort_unstable();
        methods.sort_unstable();
        assert_eq!(guides, methods);
    }
}
