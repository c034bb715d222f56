//! Values that can be used but not shown, and their removal from everything that leaves.
//! There is deliberately no `Display`, no `Serialize` and no `Debug` that shows one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

/// What stands where a secret was.
pub const MASK: &str = "«secret»";

/// A credential. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value that must not be shown.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Only `access` calls this.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// Knows the secrets of one call, in every form in which they may come back.
#[derive(Clone, Default)]
pub struct Scrubber {
    forms: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// Secrets shorter than this are not searched for: they would mask ordinary words.
const SHORTEST: usize = 4;

/// A text with everything escaped but letters, digits and `untouched`.
fn percent(text: &str, untouched: &str, escape: fn(u8) -> String) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || untouched.as_bytes().contains(&byte);
    text.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { escape(byte) }).collect()
}

impl Scrubber {
    /// Remembers a secret: plain, JSON-escaped, in base64 of both alphabets with and without padding, URL-encoded as forms,
    /// RFC 3986, JavaScript and path segments do it, with capital and small hexadecimal digits.
    pub fn add(&mut self, secret: &str) {
        const UNTOUCHED: [&str; 4] = ["*-._", "-._~", "-._~!*'()", "-._~!$&'()*+,;=:@"];
        if secret.len() < SHORTEST {
            return;
        }
        let json = Value::from(secret).to_string();
        let mut forms = vec![secret.to_owned(), json.trim_matches('"').to_owned()];
        forms.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|base64| base64.encode(secret)));
        for untouched in UNTOUCHED {
            for escape in [|byte: u8| format!("%{byte:02X}"), |byte: u8| format!("%{byte:02x}")] {
                let percent = percent(secret, untouched, escape);
                forms.extend([percent.replace("%20", "+"), percent]);
            }
        }
        for form in forms {
            if !self.forms.iter().any(|known| **known == form) {
                self.forms.push(Zeroizing::new(form));
            }
        }
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// Remembers what another one knows.
    pub fn extend(&mut self, other: &Self) {
        self.forms.extend(other.forms.iter().filter(|form| !self.forms.contains(form)).cloned().collect::<Vec<_>>());
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Replaces every form of every secret by [`MASK`].
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        self.scrub_string(&mut clean);
        clean
    }

    /// As [`Scrubber::scrub`], in place; does not allocate when there is nothing to remove.
    pub fn scrub_string(&self, text: &mut String) {
        for form in &self.forms {
            if text.contains(form.as_str()) {
                *text = text.replace(form.as_str(), MASK);
            }
        }
    }

    /// Scrubs bytes that are about to be written to a file or stream.
    pub fn contains(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
    }

    /// Scrubs all strings and keys of a JSON value.
    pub fn scrub_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.scrub_string(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            Value::Object(members) => {
                if members.keys().any(|key| self.forms.iter().any(|form| key.contains(form.as_str()))) {
                    *members = std::mem::take(members).into_iter().map(|(key, value)| (self.scrub(&key), value)).collect();
                }
                members.values_mut().for_each(|member| self.scrub_value(member));
            }
            Value::Number(number) => {
                if self.forms.iter().any(|form| number.to_string() == **form) {
                    *value = Value::from(MASK);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_removed() {
        let mut scrubber = Scrubber::default();
        scrubber.add("s3cr/et+key");
        for echo in
            ["Bearer s3cr/et+key", "czNjci9ldCtrZXk=", "?k=s3cr%2Fet%2Bkey&x", "czNjci9ldCtrZXk", "s3cr%2fet%2bkey", "s3cr%2Fet+key"]
        {
            assert!(scrubber.scrub(echo).contains(MASK), "{echo}");
        }
        let mut other = Scrubber::default();
        other.add("a~b c?>(d)=");
        for echo in [
            "a~b%20c%3F%3E%28d%29%3D",
            "a~b%20c%3f%3e(d)%3d",
            "a~b%20c%3F%3E(d)=",
            "a%7Eb+c%3F%3E%28d%29%3D",
            "YX5iIGM_PihkKT0",
            "YX5iIGM/PihkKT0=",
        ] {
            assert_eq!(other.scrub(echo), MASK, "{echo}");
        }
        let mut value = serde_json::json!({"s3cr/et+key": ["x s3cr/et+key y"]});
        scrubber.scrub_value(&mut value);
        assert_eq!(value.to_string(), r#"{"«secret»":["x «secret» y"]}"#);
        assert_eq!(format!("{:?}", Secret::new("hidden".into())), MASK);
    }
}
