//! A request in SOAP: the operation, its values, the session. Nothing is expanded and
//! nothing is fetched; a document type is refused.

use std::collections::HashMap;

use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

const SOAP: &[u8] = b"http://schemas.xmlsoap.org/soap/envelope/";
/// No request of a client is nested deeper.
const DEEPEST: usize = 16;

pub struct Envelope {
    /// Of the operation.
    pub namespace: String,
    pub operation: String,
    pub session_id: Option<String>,
    values: HashMap<String, String>,
}

impl Envelope {
    /// A refusal says what is wrong.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the request is not in UTF-8".to_owned())?;
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut path: Vec<String> = Vec::new();
        let mut envelope =
            Self { namespace: String::new(), operation: String::new(), session_id: None, values: HashMap::new() };
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|error| error.to_string())?;
            match event {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                    let namespace = match namespace {
                        ResolveResult::Bound(namespace) => namespace.0.to_owned(),
                        _ => Vec::new(),
                    };
                    let expected = ["Envelope"].get(path.len());
                    let is_soap = path.len() < 2;
                    if (is_soap && namespace != SOAP) || expected.is_some_and(|expected| *expected != name) {
                        return Err("the request is no SOAP 1.1 envelope".to_owned());
                    }
                    if path.len() == 2 && path[1] == "Body" {
                        envelope.namespace = String::from_utf8_lossy(&namespace).into_owned();
                        envelope.operation.clone_from(&name);
                    }
                    path.push(name);
                    if path.len() > DEEPEST {
                        return Err("the request is nested too deeply".to_owned());
                    }
                }
                Event::End(_) => {
                    path.pop();
                }
                Event::Text(text) => envelope.add(&path, &text.decode().map_err(|error| error.to_string())?),
                Event::CData(text) => envelope.add(&path, &text.decode().map_err(|error| error.to_string())?),
                Event::GeneralRef(reference) => {
                    let name = reference.decode().map_err(|error| error.to_string())?;
                    let letter = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    let letter = letter.map(String::from).or_else(|| resolve_xml_entity(&name).map(str::to_owned));
                    envelope.add(&path, &letter.ok_or_else(|| format!("the entity {name} is not declared"))?);
                }
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                Event::Eof if envelope.operation.is_empty() => return Err("the request has no operation".to_owned()),
                Event::Eof => return Ok(envelope),
                _ => {}
            }
        }
    }

    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    fn add(&mut self, path: &[String], text: &str) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["Envelope", "Header", "SessionHeader", "sessionId"] => {
                self.session_id.get_or_insert_default().push_str(text.trim());
            }
            ["Envelope", "Body", _, name] => self.values.entry((*name).to_owned()).or_default().push_str(text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(inside: &str) -> Result<Envelope, String> {
        let soap = "xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"";
        Envelope::read(format!("<e:Envelope {soap}><e:Body>{inside}</e:Body></e:Envelope>").as_bytes())
    }

    #[test]
    fn values_come_as_they_were_meant() {
        let login = "<login xmlns=\"urn:x\"><password>a&amp;b&lt;&#x41;<![CDATA[<&]]></password></login>";
        let read = envelope(login).expect("it is an envelope");
        assert_eq!((read.namespace.as_str(), read.operation.as_str()), ("urn:x", "login"));
        assert_eq!(read.value("password"), "a&b<A<&");
    }

    #[test]
    fn what_is_not_plain_soap_is_refused() {
        assert!(envelope("").is_err());
        assert!(envelope("<login><a>&unknown;</a></login>").is_err());
        assert!(envelope("<login>").is_err());
        assert!(envelope(&"<a>".repeat(100)).is_err());
        assert!(Envelope::read(b"<!DOCTYPE x><Envelope/>").is_err());
        assert!(Envelope::read(b"<Envelope><Body><login/></Body></Envelope>").is_err());
    }
}
