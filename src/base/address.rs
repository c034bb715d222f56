//! Values that are put into the templates of addresses: none may change which host is asked, nor lead out of the path that the template
//! says. Whether the whole is an address is for whoever uses it to see.

/// Whether a value may stand wherever `{key}` does in a template; why not, as the end of a sentence.
pub fn fits(template: &str, key: &str, value: &str) -> Result<(), String> {
    let mark = format!("{{{key}}}");
    for (at, _) in template.match_indices(&mark) {
        let (before, after) = (template.get(..at).unwrap_or_default(), template.get(at + mark.len()..).unwrap_or_default());
        if before.is_empty() && after.starts_with("://") {
            if !matches!(value, "http" | "https") {
                return Err(String::from("must be http or https"));
            }
        } else if before.is_empty() {
            whole(value)?;
        } else if before.split_once("//").is_some_and(|(_, rest)| !rest.contains('/')) {
            host(value, after.is_empty() || after.starts_with('/'))?;
        } else {
            path(value)?;
        }
    }
    Ok(())
}

/// An address, or its beginning.
fn whole(value: &str) -> Result<(), String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let rest = rest.ok_or("must begin with https:// or http://")?;
    let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains(['\\', '@', '?', '#']) {
        return Err(String::from("must not hold \\ ? # or a user name before the host"));
    }
    path(rest)
}

/// A part of a host. A port may stand at its end, where the template has nothing more of a host.
fn host(value: &str, last: bool) -> Result<(), String> {
    let port = |text: &str| !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let (name, rest) = match value.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, rest)) if inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') => ("", rest),
        _ => value.split_at(value.find(':').unwrap_or(value.len())),
    };
    let ported = rest.is_empty() || (last && rest.strip_prefix(':').is_some_and(port));
    let strange = |c: char| "/\\?#@:[]{}%<>^|".contains(c) || c.is_whitespace() || c.is_control();
    if name.contains(strange) || !ported {
        return Err(String::from("is part of a host and must not hold / \\ ? # @ or :"));
    }
    Ok(())
}

/// A part of a path.
fn path(value: &str) -> Result<(), String> {
    let plain = value.replace("%2e", ".").replace("%2E", ".");
    if value.contains(['\\', '?', '#']) || value.chars().any(|c| c.is_control()) {
        return Err(String::from("must not hold \\ ? or #"));
    }
    if plain.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(String::from("must not lead out of the path with . or .."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_changes_the_host_or_leaves_the_path() {
        let table = [
            ("https://{r}.a.example/v1", "eu", true),
            ("https://{r}.a.example/v1", "eu.west-1", true),
            ("https://{r}.a.example/v1", "evil.example/x", false),
            ("https://{r}.a.example/v1", "evil.example:443", false),
            ("https://{r}.a.example/v1", "../..", false),
            ("https://{r}.a.example/v1", "x@evil.example", false),
            ("https://{r}.a.example/v1", "evil.example\\", false),
            ("https://{r}.a.example/v1", "evil.example#", false),
            ("https://{r}.a.example/v1", "evil.example%2f", false),
            ("https://{r}/v1", "here.example:8443", true),
            ("https://{r}/v1", "[::1]:8443", true),
            ("https://{r}/v1", "user:pass@here.example", false),
            ("https://a.example:{r}/v1", "8443", true),
            ("https://a.example/{r}", "v1/eu", true),
            ("https://a.example/v1/{r}", "../../x", false),
            ("https://a.example/v1/{r}", "%2e%2E", false),
            ("https://a.example/v1/{r}", "x?y", false),
            ("{r}://a.example", "https", true),
            ("{r}://a.example", "https://evil.example/x", false),
            ("{r}/v1", "https://a.example/b", true),
            ("{r}/v1", "https://a@b.example", false),
            ("{r}/v1", "a.example", false),
        ];
        for (template, value, fine) in table {
            assert_eq!(fits(template, "r", value).is_ok(), fine, "{template} {value}");
        }
    }
}
