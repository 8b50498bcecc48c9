//! What answers in front of Salesforce, or in place of an organization: redirects, pages
//! about maintenance, and the proxy of this network.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::salesforce::hosts::is_of_salesforce;
use crate::service::salesforce::symptoms::Symptom;

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "proxy-auth",
        code: Code::ProxyAuth,
        shows: |response| response.status() == 407,
        message: "could not connect to {host}",
        why: "The proxy requires a user name and password.",
        causes: &[],
        next: &["Put the user name and password of the proxy in HTTPS_PROXY"],
    },
    Symptom {
        name: "sso-redirect",
        code: Code::SsoRedirect,
        shows: |response| response.redirect_target().is_some_and(|target| target.asks_to_sign_in),
        message: "{host} redirects to a sign-in page",
        why: "It sends every request to {target}. No redirect was followed.{unjudged}",
        causes: &[("gateway", High, "a gateway in front requires a sign-in in a browser")],
        next: &["Use the My Domain of the organization, NAME.my.salesforce.com"],
    },
    Symptom {
        name: "other-my-domain",
        code: Code::Redirected,
        shows: |response| {
            response
                .redirect_target()
                .is_some_and(|target| is_of_salesforce(&target.host) && target.other_origin.is_some())
        },
        message: "{host} redirects to another address of Salesforce",
        why: "It answered {status} and names {target}. No redirect was followed, so no secret went there.{unjudged}",
        causes: &[
            ("my-domain-renamed", High, "the My Domain of the organization was renamed"),
            ("old-host", Medium, "the address is that of an instance, such as na42, which only redirects"),
        ],
        next: &["If you know the address, connect with it: {connect_there}"],
    },
    Symptom {
        name: "redirected",
        code: Code::Redirected,
        shows: |response| (300..400).contains(&response.status()) && response.redirect_target().is_some(),
        message: "{host} redirects to another page",
        why: "It answered {status} and names {target}. No redirect was followed, so no secret went there.{unjudged}",
        causes: &[
            ("wrong-address", High, "the address is not that of the API of an organization"),
            ("middlebox", Medium, "a proxy or captive portal answers in place of Salesforce"),
        ],
        next: &["Use the My Domain of the organization, NAME.my.salesforce.com"],
    },
    Symptom {
        name: "setting-up",
        code: Code::InstanceUnavailable,
        shows: |response| {
            let has_no_words = !response.has_errors() && (response.is_html() || response.raw.body.is_empty());
            response.page_says(&["setting things up"]) || (response.status() == 406 && has_no_words)
        },
        message: "{host} is being set up",
        why: "Salesforce answers for it, but the organization cannot be used yet{title}.{unjudged}",
        causes: &[("setting-up", High, "a new organization, or one that moves, takes some minutes")],
        next: &["Wait a few minutes, or wait for it with: {wait_for_it}"],
    },
    Symptom {
        name: "no-route",
        code: Code::InstanceUnavailable,
        shows: |response| response.status() == 420,
        message: "Salesforce knows no way to {host}",
        why: "Its front end answered 420: it has no route for this host{title}.{unjudged}",
        causes: &[
            ("moving", Medium, "the organization is being moved or refreshed"),
            ("my-domain-renamed", Medium, "the My Domain was renamed or the sandbox deleted"),
        ],
        next: &[
            "Wait a few minutes, or wait for it with: {wait_for_it}",
            "Compare the address with the one in Setup, My Domain",
        ],
    },
    Symptom {
        name: "gateway-timeout",
        code: Code::GatewayTimeout,
        shows: |response| response.status() == 504,
        message: "the front end of {host} timed out waiting for Salesforce",
        why: "It returned 504.{unjudged}",
        causes: &[("overloaded", Medium, "the organization is busy, or is being moved")],
        next: &["Wait a moment, then: {again}"],
    },
    Symptom {
        name: "maintenance",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503) && !response.has_errors(),
        message: "{host} is under maintenance or cannot be reached behind its front end",
        why: "It returned {status} without an error of the API{title}.{unjudged}",
        causes: &[
            ("maintenance", High, "Salesforce maintains the instance, which status.salesforce.com shows"),
            ("middlebox", Low, "a proxy in front cannot reach Salesforce"),
        ],
        next: &["Wait a few minutes, or wait for it with: {wait_for_it}"],
    },
];
