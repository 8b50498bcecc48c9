//! The library: connections of `snow` for other programs.
//!
//! [`engine`] finds connections as the program does, and asks no questions
//! ([`surroundings`]). A [`connection`] opens or is tested; what is opened sends
//! each [`request`] and gives its [`response`], piece by piece; [`watched`] says at the
//! end of one whether it was what it promised.

pub mod apps;
mod connection;
pub mod counts;
mod engine;
pub mod pages;
pub mod request;
mod response;
pub mod rows;
mod surroundings;
pub mod tables;
pub mod watched;

pub use connection::Connection;
pub use engine::Engine;
pub use request::{Client, Request};
pub use response::Response;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: T) {}

    fn is_shared<T: Clone + Send + Sync + 'static>() {}

    #[test]
    fn everything_can_go_to_another_thread() {
        is_shared::<Engine>();
        is_shared::<Connection>();
        is_shared::<Client>();
        // Never called: that it compiles is the test.
        let _ = |connection: Connection, client: Client, request: Request, mut response: Response| {
            is_send(async move {
                let _ = response.chunk().await;
                let _ = response.check().await;
            });
            is_send(request.send());
            is_send(async move {
                let _ = connection.test().await;
                let response = connection.open().await?.get("table/incident").await?;
                let response = response.check().await?;
                response.json::<serde_json::Value>().await
            });
            is_send(async move { client.get("/").await?.bytes().await });
        };
    }
}
