//! A header of a single request whose value is a secret: written as a reference, so that no secret stands in a command line, in its history or
//! in a file. Values themselves are refused.

use crate::access::field;
use crate::base::error::{Error, Result};
use crate::base::name::printable;
use crate::net::header::{HeaderName, HeaderValue};

/// What a header of this kind looks like.
const FORM: &str = "--header 'Authorization: Bearer env:NAME', with env:NAME, file:PATH or cmd:COMMAND as its last word";

/// `Authorization: Bearer env:NAME` in its parts: name, what stands before the reference, the reference.
fn parts(text: &str) -> Result<(HeaderName, &str, &str)> {
    let wrong = |why: &str| Error::usage(format!("--header {why}")).hint(FORM);
    let (name, value) = text.split_once(':').ok_or_else(|| wrong("is a name, a colon and a reference"))?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong(&format!("names '{}', which is no header", printable(name))))?;
    let value = value.trim_start();
    let starts = || value.char_indices().map(|(at, _)| at).filter(|at| *at == 0 || value[..*at].ends_with(' '));
    let at = starts().find(|at| field::is_reference(&value[*at..]));
    let (before, reference) = value.split_at(at.ok_or_else(|| wrong("takes no secret itself, only where it is kept"))?);
    Ok((name, before, reference))
}

/// Refuses what names no header or holds its value itself.
pub fn check(text: &str) -> Result<()> {
    parts(text).map(drop)
}

/// The header with the value that its reference stands for.
pub fn follow(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let (name, before, reference) = parts(text)?;
    let secret = field::follow(&format!("of the header {name}"), reference)?;
    let value = HeaderValue::from_str(&format!("{before}{}", secret.expose()));
    let mut value =
        value.map_err(|_| Error::usage(format!("The value of the header {name} cannot be sent: it is no single line of text")))?;
    value.set_sensitive(true);
    Ok((name, value))
}
