//! Looks for secrets where none may be: in what the program prints and in every file that it leaves, in every form in which they travel.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Forms in which a secret may travel whole: plain, base64 of both alphabets with and without padding, URL-encoded as forms, RFC 3986,
/// JavaScript and path segments do it, in both cases.
pub fn forms(secret: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let rfc = form.replace('+', "%20").replace("%7E", "~").replace('*', "%2A");
    let unescaped = |text: &str, kept: &str| {
        let all = kept.bytes().map(|byte| (format!("%{byte:02X}"), char::from(byte).to_string()));
        all.fold(text.to_owned(), |text, (escaped, plain)| text.replace(&escaped, &plain))
    };
    let (script, segment) = (unescaped(&rfc, "!*'()"), unescaped(&rfc, "!$&'()*+,;=:@"));
    let mut forms = vec![secret.to_owned(), form, rfc, script, segment];
    forms.extend(forms.clone().iter().skip(1).map(|form| lower_hex(form)));
    forms.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|base64| base64.encode(secret)));
    forms.sort();
    forms.dedup();
    forms
}

/// Some encoders write `%2f` for `%2F`.
fn lower_hex(text: &str) -> String {
    let mut after = usize::MAX;
    let lower = |c: char| {
        after = if c == '%' { 0 } else { after.saturating_add(1) };
        if after == 1 || after == 2 { c.to_ascii_lowercase() } else { c }
    };
    text.chars().map(lower).collect()
}

/// What of a secret would be seen in base64 of a longer text that holds it, however it is aligned there.
fn aligned(secret: &str) -> Vec<String> {
    let inside = |engine: &dyn Fn(Vec<u8>) -> String, before: usize| {
        let text = engine([vec![0; before], secret.as_bytes().to_vec()].concat());
        let (first, last) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
        text[first..last].to_owned()
    };
    (0..3).flat_map(|before| [inside(&|bytes| STANDARD.encode(bytes), before), inside(&|bytes| URL_SAFE.encode(bytes), before)]).collect()
}

/// Fails when bytes hold a secret in any form.
pub fn assert_absent(secrets: &[String], bytes: &[u8], place: &str) {
    for secret in secrets {
        for form in forms(secret).into_iter().chain(aligned(secret)) {
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found, "{place} holds a secret as {form}: {}", String::from_utf8_lossy(bytes).chars().take(4_000).collect::<String>());
        }
    }
}

/// Fails when a file below a folder holds a secret in any form.
pub fn assert_no_file_holds(secrets: &[String], files: &[std::path::PathBuf]) {
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    files.iter().for_each(|path| assert_absent(secrets, &read(path), &path.display().to_string()));
}

mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{aligned, assert_absent, forms};

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "s3cr/et+k?y";
        assert!(forms(secret).contains(&"s3cr%2fet%2bk%3fy".to_owned()));
        for form in forms(secret) {
            assert!(std::panic::catch_unwind(|| assert_absent(&[secret.into()], form.as_bytes(), "here")).is_err(), "{form}");
        }
        for before in ["", "a", "ab", "abc", "user:"] {
            let text = STANDARD.encode(format!("{before}{secret} and more"));
            assert!(aligned(secret).iter().any(|part| text.contains(part)), "{text}");
        }
        assert_absent(&[secret.into()], "s3cr/et, s3cr%2Fet".as_bytes(), "a part");
    }
}
