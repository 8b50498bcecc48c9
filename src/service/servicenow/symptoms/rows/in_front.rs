//! What stands in front of an instance, or in its place: sleep, proxies, pages
//! and redirects.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::servicenow::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "hibernating-page",
        code: Code::InstanceHibernating,
        shows: |response| response.title().is_some_and(|title| title.to_lowercase().contains("hibernating")),
        message: "the instance is asleep",
        why: "Personal instances hibernate after some hours without use. Every address then answers with a page that says so.{unjudged}",
        causes: &[
            ("hibernating", High, "nobody used this personal instance for a while"),
            ("reclaimed", Low, "it was not used for ten days and was taken back"),
        ],
        next: &[
            "Sign in at developer.servicenow.com and wake the instance, which takes three to five minutes: {wait_for_it}",
        ],
    },
    Symptom {
        name: "redirect-to-portal",
        code: Code::InstanceHibernating,
        shows: |response| response.redirect_target().is_some_and(|target| target.host == "developer.servicenow.com"),
        message: "the instance is asleep, or was taken back",
        why: "It sends every request to the developer site, as personal instances do that are not running.{unjudged}",
        causes: &[
            ("hibernating", High, "nobody used this personal instance for a while"),
            ("reclaimed", Medium, "it was not used for ten days and was taken back"),
        ],
        next: &[
            "Sign in at developer.servicenow.com and wake the instance, which takes three to five minutes: {wait_for_it}",
        ],
    },
    Symptom {
        name: "proxy-auth",
        code: Code::ProxyAuth,
        shows: |response| response.status() == 407,
        message: "no way to {host}",
        why: "The proxy wants a user name and password.",
        causes: &[],
        next: &["Put user name and password of the proxy into HTTPS_PROXY"],
    },
    Symptom {
        name: "sso-redirect",
        code: Code::SsoRedirect,
        shows: |response| {
            let paths = ["login_with_sso", "login_locate_sso", "auth_redirect.do", "/saml", "/sso/"];
            response.redirect_target().is_some_and(|target| paths.iter().any(|part| target.path.contains(part)))
        },
        message: "{host} sends the request to a single sign-on page",
        why: "It redirected to {target} instead of answering. The redirect was not followed.{unjudged}",
        causes: &[
            ("custom-url", Medium, "the address is a custom URL whose sign-in is handed to an identity provider"),
            ("forced-sso", Medium, "the instance sends everything through single sign-on"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "redirect-to-login",
        code: Code::LoginPage,
        shows: |response| {
            let login = |path: &str| path.contains("login") && path.ends_with(".do");
            response.redirect_target().is_some_and(|target| login(&target.path))
        },
        message: "{host} shows a login page instead of answering",
        why: "It redirected to {target}. The Table API answers by itself, and sends nobody to a page.{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on stands in front of the API"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "login-page",
        code: Code::LoginPage,
        shows: |response| {
            let form = || {
                let text = response.text().to_lowercase();
                ["user_password", "sysparm_type=login", "login.do"].iter().any(|part| text.contains(part))
            };
            let titled = |title: &str| {
                let title = title.to_lowercase();
                ["log in", "login", "sign in", "sign-in"].iter().any(|part| title.contains(part))
            };
            response.status() == 200 && response.is_html() && (response.title().is_some_and(titled) || form())
        },
        message: "{host} shows a login page instead of answering",
        why: "The Table API answers in JSON; this was a page for people ({title}).{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on stands in front of the API"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "redirected",
        code: Code::Redirected,
        shows: |response| (300..400).contains(&response.status()),
        message: "{host} redirects to another address",
        why: "It points to {target}. A redirect is never followed: it could carry the credential elsewhere.",
        causes: &[
            ("moved", Medium, "the instance has another address"),
            ("proxy", Low, "something between here and the instance answers in its place"),
        ],
        next: &["Use the address that the browser shows after signing in to the instance"],
    },
];
