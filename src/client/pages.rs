//! One answer after the other, each of which names the next.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use http::HeaderMap;

use super::request::Client;
use super::watched::Watched;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::service::Next;

/// The pages of what a path gives.
pub struct Pages {
    client: Client,
    headers: Vec<(String, String)>,
    next: Option<url::Url>,
    /// The addresses that were asked for.
    asked: HashSet<u64>,
}

impl Pages {
    /// Of this path, asked for with these headers.
    pub fn new(client: Client, path: &str, headers: Vec<(String, String)>) -> Result<Self, Failure> {
        let connection = client.connection();
        let next = connection.service().url(connection.instance(), connection.api_version(), path)?;
        Ok(Self { client, headers, next: Some(next), asked: HashSet::new() })
    }

    /// Asks for the next one; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Watched>, Failure> {
        let Some(url) = &self.next else { return Ok(None) };
        self.asked.insert(hash(url));
        let request = self.client.request("GET", url.as_str());
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        Ok(Some(Watched::new(request.send().await?)))
    }

    /// What follows is what the last one says: its headers, or what it has beside rows.
    pub fn follow(&mut self, headers: &HeaderMap, around: &[u8]) -> Result<(), Failure> {
        let connection = self.client.connection();
        let asked = self.next.take().expect("a page came");
        match connection.service().next(connection.instance(), &asked, headers, around) {
            Next::Nothing => {}
            Next::Page(url) if self.asked.contains(&hash(&url)) => {
                return Err(circle(&self.client));
            }
            Next::Page(url) => self.next = Some(url),
            Next::Elsewhere(link) => {
                return Err(elsewhere(&self.client, &link));
            }
        }
        Ok(())
    }
}

/// A page names as the next one a page that came.
pub(super) fn circle(client: &Client) -> Failure {
    let host = client.connection().instance().host_and_port();
    Failure::new(Code::UnexpectedAnswer, shown!("the pages of {} lead in a circle", host))
        .why("A page names as the next one a page that came already.")
        .next("Ask for fewer rows, or page by yourself")
}

/// A page names as the next one something of another origin.
pub(super) fn elsewhere(client: &Client, link: &str) -> Failure {
    let connection = client.connection();
    let target = connection.redactor().server_text(link.split(['?', '#']).next().unwrap_or_default());
    Failure::new(Code::Redirected, shown!("the next page is not at {}", connection.instance().host_and_port()))
        .why("It leads to another origin, and the credential is not sent there.")
        .next("Connect with the origin that the instance names itself by")
        .evidence("redirect_target", target)
}

fn hash(url: &url::Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.as_str().hash(&mut hasher);
    hasher.finish()
}
