//! The words of the table of scenarios: how a client signs in, and what it is answered
//! then.

use super::answers::{errors, oauth_error};
use super::scenario::Scenario;
use crate::sandbox::answers::{Response, typed};

/// How a client signs in that meets a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// By `login()` of SOAP.
    Basic,
    OAuth,
    ClientCredentials,
    JwtBearer,
}

impl SignIn {
    pub const ALL: &'static [Self] = &[Self::Basic, Self::OAuth, Self::ClientCredentials, Self::JwtBearer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::OAuth => "oauth",
            Self::ClientCredentials => "client-credentials",
            Self::JwtBearer => "jwt-bearer",
        }
    }

    /// What `snow connect` needs for it.
    pub fn flags(self) -> &'static str {
        match self {
            Self::Basic => "--username admin@sandbox.example",
            Self::OAuth => "--client-id sandbox-web",
            Self::ClientCredentials => "--client-id sandbox-ci --auth client-credentials",
            Self::JwtBearer => "--client-id sandbox-jwt --auth jwt-bearer",
        }
    }

    /// For a list.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Basic => "With a password and security token, by SOAP login()",
            Self::OAuth => "With OAuth",
            Self::ClientCredentials => "With client credentials",
            Self::JwtBearer => "With a signed assertion",
        }
    }
}

/// The grant that a fault of the token endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    Any,
    AuthorizationCode,
    Refresh,
    ClientCredentials,
    JwtBearer,
}

/// An answer in place of the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// To every request: status, media type, body.
    Door(u16, &'static str, &'static str),
    /// To `login()`: a fault with this code and text.
    Login(&'static str, &'static str),
    /// To this grant: `error` and `error_description`.
    Token(Grant, &'static str, &'static str),
    /// To an authorization request, at the redirect URI: `error` and `error_description`.
    Authorize(&'static str, &'static str),
    /// To everything below `/services/data/vN`: status, `errorCode`, `message`.
    Data(u16, &'static str, &'static str),
    /// Something else, in words.
    Quirk(&'static str),
}

/// What the edge, which stands before every org, answers to any request.
pub fn at_the_door(scenario: Scenario) -> Option<Response> {
    scenario.faults().iter().find_map(|fault| match fault {
        Fault::Door(status, media_type, body) => Some(typed(*status, media_type, (*body).to_owned())),
        _ => None,
    })
}

/// What a grant is answered in place of a token.
pub fn in_place_of_a_token(scenario: Scenario, grant: Grant) -> Option<Response> {
    scenario.faults().iter().find_map(|fault| match fault {
        Fault::Token(of, error, description) if *of == grant || *of == Grant::Any => {
            Some(oauth_error(400, error, description))
        }
        _ => None,
    })
}

/// What a session is answered in place of data.
pub fn in_place_of_data(scenario: Scenario) -> Option<Response> {
    scenario.faults().iter().find_map(|fault| match fault {
        Fault::Data(status, code, message) => Some(errors(*status, code, message)),
        _ => None,
    })
}
