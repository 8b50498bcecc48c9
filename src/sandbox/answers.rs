//! The shapes in which the embedded instance answers: status, headers and
//! bodies as ServiceNow's are, and those of what stands before it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::delivery::Delivery;
use super::request::TooLarge;

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// What becomes of it on its way to the client.
    pub delivery: Delivery,
}

impl Response {
    /// An answer of the instance with nothing but the headers of every answer.
    fn new(status: u16, body: String) -> Self {
        let headers = vec![
            ("Server", "ServiceNow".to_owned()),
            ("Date", http_date(Utc::now())),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("Cache-Control", "no-cache,no-store,must-revalidate,max-age=-1".to_owned()),
            ("Server-Timing", "sem_wait;dur=0, sesh_wait;dur=0".to_owned()),
        ];
        Self { status, headers, body, delivery: Delivery::default() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

pub fn success(result: Value) -> Response {
    json_answer(200, &json!({ "result": result }))
}

pub fn created(location: String, result: Value) -> Response {
    json_answer(201, &json!({ "result": result })).with("Location", location)
}

pub fn envelope(status: u16, message: &str, detail: Option<&str>) -> Response {
    json_answer(status, &json!({ "error": { "message": message, "detail": detail }, "status": "failure" }))
}

pub fn too_large(TooLarge { length, limit }: TooLarge) -> Response {
    let detail =
        format!("Rejected large REST payload with content-length = {length} bytes. Max allowed: {limit} bytes.");
    envelope(413, "Exception while reading request", Some(&detail))
}

pub fn json_answer(status: u16, body: &Value) -> Response {
    Response::new(status, body.to_string()).with("Content-Type", "application/json;charset=UTF-8")
}

/// A body of any kind.
pub fn typed(status: u16, media_type: &str, body: String) -> Response {
    Response::new(status, body).with("Content-Type", media_type)
}

/// A plain text.
pub fn text(status: u16, body: &str) -> Response {
    Response::new(status, body.to_owned()).with("Content-Type", "text/plain;charset=UTF-8")
}

/// A status without a body.
pub fn nothing(status: u16) -> Response {
    Response::new(status, String::new())
}

pub fn redirect(location: impl Into<String>) -> Response {
    nothing(302).with("Location", location)
}

/// A whole document in HTML.
pub fn document(status: u16, html: String) -> Response {
    Response::new(status, html).with("Content-Type", "text/html;charset=UTF-8")
}

pub fn page(status: u16, title: &str, content: &str) -> Response {
    let html = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{content}</body></html>");
    document(status, html)
}

/// An answer of the load balancer, which knows no JSON.
pub fn front_end(status: u16, text: &str) -> Response {
    let headers = vec![
        ("Server", "snow_adc".to_owned()),
        ("Date", http_date(Utc::now())),
        ("Content-Type", "text/plain".to_owned()),
    ];
    Response { headers, ..Response::new(status, text.to_owned()) }
}

pub fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
