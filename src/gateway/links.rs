//! Addresses in the headers of an answer: those of the instance lead to the gateway, and
//! those of others nowhere.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use url::Url;

static LOCATIONS: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];

/// An address that is not of the instance.
#[derive(Debug, PartialEq, Eq)]
pub struct Elsewhere(pub String);

/// Turns the addresses in `headers`, which answer `asked`, into those of the gateway at
/// `here`.
pub fn turn(headers: &mut HeaderMap, asked: &Url, here: &str) -> Result<(), Elsewhere> {
    for name in &LOCATIONS {
        each(headers, name, |value| turned(value, asked, here))?;
    }
    each(headers, &header::LINK, |value| links(value, asked, here))
}

/// Replaces the values of a header.
fn each(
    headers: &mut HeaderMap,
    name: &HeaderName,
    turn: impl Fn(&str) -> Result<String, Elsewhere>,
) -> Result<(), Elsewhere> {
    if !headers.contains_key(name) {
        return Ok(());
    }
    let before: Vec<String> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    headers.remove(name);
    for value in before {
        let value = turn(&value)?;
        headers.append(name, HeaderValue::from_str(&value).map_err(|_| Elsewhere(value))?);
    }
    Ok(())
}

/// The address in `target`: a relative one as it is.
fn turned(target: &str, asked: &Url, here: &str) -> Result<String, Elsewhere> {
    let target = target.trim();
    let elsewhere = || Elsewhere(target.to_owned());
    let url = asked.join(target).map_err(|_| elsewhere())?;
    if url.origin() != asked.origin() {
        return Err(elsewhere());
    }
    // A browser takes a backslash for a slash, and others do not.
    let is_relative = Url::parse(target).is_err() && !target.starts_with("//") && !target.contains('\\');
    if is_relative {
        return Ok(target.to_owned());
    }
    Ok(format!("{here}{}", &url[url::Position::BeforePath..]))
}

/// A `Link` header (RFC 8288): its targets are in angle brackets.
fn links(value: &str, asked: &Url, here: &str) -> Result<String, Elsewhere> {
    let (mut turned_value, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>').ok_or_else(|| Elsewhere(value.to_owned()))?;
        turned_value.push_str(&format!("{before}<{}>", turned(target, asked, here)?));
        rest = after;
    }
    Ok(turned_value + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://acme.example:8443";
    const HERE: &str = "http://127.0.0.1:8080";

    fn asked() -> Url {
        Url::parse(&format!("{ORIGIN}/api/now/table/incident?a=b")).unwrap()
    }

    #[test]
    fn an_address_of_the_instance_is_one_of_the_gateway() {
        let turn = |target: &str| turned(target, &asked(), HERE).ok();
        for (target, expected) in [
            ("https://acme.example:8443/x?a=b#c", "http://127.0.0.1:8080/x?a=b#c"),
            ("HTTPS://user@ACME.example:8443/x", "http://127.0.0.1:8080/x"),
            ("//acme.example:8443/x", "http://127.0.0.1:8080/x"),
            ("\\\\acme.example:8443\\x", "http://127.0.0.1:8080/x"),
            ("/x?a=b", "/x?a=b"),
            ("x", "x"),
            ("?a=c", "?a=c"),
        ] {
            assert_eq!(turn(target).as_deref(), Some(expected), "{target}");
        }
        for target in [
            "https://acme.example/x",
            "http://acme.example:8443/x",
            "https://acme.example:8443.evil.example/",
            "https://acme.example:8443@evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "\t//evil.example",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(turn(target), None, "{target}");
        }
    }

    #[test]
    fn every_link_of_a_list_is_turned() {
        let turn = |value: &str| links(value, &asked(), HERE);
        let value = format!("<{ORIGIN}/x?a=1,2>;rel=\"next\",</y>; rel=first, <{ORIGIN}/z>;rel=\"last\"");
        let expected = format!("<{HERE}/x?a=1,2>;rel=\"next\",</y>; rel=first, <{HERE}/z>;rel=\"last\"");
        assert_eq!(turn(&value), Ok(expected));
        for value in [format!("<{ORIGIN}/x>;rel=next, <https://evil.example/>"), "<https://evil.example".to_owned()] {
            assert!(turn(&value).is_err(), "{value}");
        }
        assert_eq!(turn("no link"), Ok("no link".to_owned()));
    }
}
