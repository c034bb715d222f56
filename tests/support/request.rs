//! A request as it came over the wire, read strictly: what a careless server would forgive is an error here.
//! HTTP/2 and TLS are deliberately absent.

use std::io::{self, BufRead, Read as _};

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::form_urlencoded;

/// A whole request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// Path and query as sent, percent-encoded.
    pub target: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Number of the connection that it came on: equal numbers mean that the connection was kept.
    pub connection: usize,
}

/// One part of a multipart body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` when the connection ends before its first byte.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(from)? else { return Ok(None) };
        let words: Vec<&str> = first.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { return Err(broken(format!("request line {first:?}"))) };
        let mut request = Self { method: method.to_owned(), target: target.to_owned(), ..Self::default() };
        request.headers = headers(from)?;
        request.body = request.read_body(from)?;
        Ok(Some(request))
    }

    fn read_body(&self, from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        match (&self.all("transfer-encoding")[..], &self.all("content-length")[..]) {
            ([], []) => Ok(Vec::new()),
            (["chunked"], []) => chunks(from),
            ([], [length]) => {
                let length = length.parse().map_err(|_| broken(format!("content-length {length:?}")))?;
                exactly(from, length)
            }
            (encodings, lengths) => Err(broken(format!("a body by transfer-encoding {encodings:?} and content-length {lengths:?}"))),
        }
    }

    /// The path as sent, without query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Query parameters in their order, decoded; `+` and `%20` are both a space.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// A header by its lower-case name; the first if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The media type of the body, in lower case, without its parameters.
    pub fn media_type(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        kind.split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(&self.body).map_err(|error| format!("the body is not UTF-8: {error}"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("the body is not JSON ({error}): {}", String::from_utf8_lossy(&self.body)))
    }

    /// The fields of a form body in their order, decoded.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The parts of a multipart body, in their order.
    pub fn parts(&self) -> Result<Vec<Part>, String> {
        let kind = self.header("content-type").unwrap_or_default();
        if self.media_type() != "multipart/form-data" {
            return Err(format!("content-type {kind:?} is not multipart/form-data"));
        }
        let boundary = parameter(kind, "boundary").ok_or_else(|| format!("content-type {kind:?} names no boundary"))?;
        parts(&self.body, &boundary)
    }
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A line without its CRLF; `None` at the end.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if from.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    text.strip_suffix("\r\n").map(|text| Some(text.to_owned())).ok_or_else(|| broken(format!("a line without CRLF: {text:?}")))
}

fn headers(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(from)?.ok_or_else(|| broken(String::from("the head does not end")))?;
        if line.is_empty() {
            return Ok(headers);
        }
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                headers.push((name.to_lowercase(), value.trim().to_owned()));
            }
            _ => return Err(broken(format!("header line {line:?}"))),
        }
    }
}

fn exactly(from: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(broken(format!("{} of {length} bytes of the body came", bytes.len()))) }
}

fn chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let head = line(from)?.ok_or_else(|| broken(String::from("the chunks do not end")))?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| broken(format!("chunk size {size:?}")))?;
        if size == 0 {
            headers(from)?;
            return Ok(body);
        }
        body.extend(exactly(from, size)?);
        if line(from)?.as_deref() != Some("") {
            return Err(broken(String::from("a chunk that does not end where its size says")));
        }
    }
}

/// A parameter of a header value: `name=value`, `name="value"` or `name*=utf-8''value`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, tail) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), tail)
            }
        };
        match key.trim().to_lowercase() {
            key if key == name => return Some(value),
            key if key.strip_suffix('*') == Some(name) => {
                let encoded = value.rsplit('\'').next().unwrap_or_default();
                return Some(percent_decode_str(encoded).decode_utf8_lossy().into_owned());
            }
            _ => rest = tail.trim_start().trim_start_matches(';'),
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &text[at + 1..])),
            _ => {
                value.push(c);
                escaped = false;
            }
        }
    }
    None
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn parts(body: &[u8], boundary: &str) -> Result<Vec<Part>, String> {
    let first = format!("--{boundary}");
    let (between, mut rest) =
        (format!("\r\n{first}"), body.strip_prefix(first.as_bytes()).ok_or("the body does not begin with its boundary")?);
    let mut parts = Vec::new();
    loop {
        if rest == b"--\r\n" || rest == b"--" {
            return Ok(parts);
        }
        let inner = rest.strip_prefix(b"\r\n").ok_or("a boundary is not followed by a line break")?;
        let end = find(inner, between.as_bytes()).ok_or("the last boundary is missing")?;
        parts.push(part(&inner[..end])?);
        rest = &inner[end + between.len()..];
    }
}

fn part(bytes: &[u8]) -> Result<Part, String> {
    let end = find(bytes, b"\r\n\r\n").ok_or("a part without an empty line after its head")?;
    let mut head = bytes[..end + 4].as_ref();
    let headers = headers(&mut head).map_err(|error| error.to_string())?;
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let disposition = header("content-disposition").filter(|text| text.starts_with("form-data;")).ok_or("a part without form-data")?;
    Ok(Part {
        name: parameter(&disposition, "name").ok_or("a part without a name")?,
        file_name: parameter(&disposition, "filename"),
        content_type: header("content-type"),
        content: bytes[end + 4..].to_vec(),
    })
}

mod tests {
    use serde_json::json;

    use super::{Part, Request};

    fn read(text: &str) -> Result<Option<Request>, String> {
        Request::read(&mut text.as_bytes()).map_err(|error| error.to_string())
    }

    fn whole(text: &str) -> Request {
        read(text).unwrap().unwrap()
    }

    #[test]
    fn lengths_and_chunks_give_the_body() {
        let request = whole("POST /a%2Fb?x=1+2&x=%203&y HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:2\r\ncontent-length: 8\r\n\r\n{\"a\": 1}more");
        assert_eq!((request.method.as_str(), request.path()), ("POST", "/a%2Fb"));
        let pair = |name: &str, value: &str| (String::from(name), String::from(value));
        assert_eq!(request.query(), [pair("x", "1 2"), pair("x", " 3"), pair("y", "")]);
        assert_eq!(request.all("x-a"), ["1", "2"]);
        assert_eq!(request.json(), Ok(json!({"a": 1})));

        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-type: Text/Plain; charset=utf-8\r\n\r\n\
            3;x=y\r\na+b\r\nB\r\n=%26&c=0123\r\n0\r\ntrailer: 1\r\n\r\n";
        let request = whole(chunked);
        assert_eq!((request.text(), request.media_type().as_str()), (Ok("a+b=%26&c=0123"), "text/plain"));
        assert_eq!(request.form(), [pair("a b", "&"), pair("c", "0123")]);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(matches!(read(""), Ok(None)));
        for bad in [
            "GET / HTTP/1.1\n\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\na b: c\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab",
            "PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
            "PUT / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parts_are_taken_apart() {
        let body = "--x-y\r\nContent-Disposition: form-data; name=\"a \\\"b\\\"\"\r\n\r\n1\r\n--x\r\n\r\n\
            --x-y\r\ncontent-type: image/png\r\n\
            content-disposition: form-data; name=\"file\"; filename*=utf-8''%C3%BC.png\r\n\r\n\r\n--x-y--\r\n";
        let headers = vec![(String::from("content-type"), String::from("multipart/form-data; boundary=\"x-y\""))];
        let request = Request { headers, body: body.into(), ..Request::default() };
        let first = Part { name: "a \"b\"".into(), content: b"1\r\n--x\r\n".into(), ..Part::default() };
        let file =
            Part { name: "file".into(), file_name: Some("ü.png".into()), content_type: Some("image/png".into()), content: Vec::new() };
        assert_eq!(request.parts(), Ok(vec![first, file]));

        let cut = |length: usize| Request { body: body[..length].into(), ..request.clone() };
        assert!(cut(body.len() - 6).parts().is_err());
        assert!(Request { headers: Vec::new(), ..request.clone() }.parts().is_err());
    }
}
