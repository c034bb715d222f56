//! What signs a caller in without being a proper scheme: parameters that are credentials, and AWS Signature Version 4. Secrets are fields of
//! an account and no arguments: those stand in audits, dry runs and tickets. Nothing here guesses from one operation alone.

use serde_json::{Value, json};

use crate::base::name::printable;
use crate::registry::credential::{Auth, AuthKind};
use crate::registry::import::openapi::doc::{says, word};
use crate::registry::import::openapi::security::{NO_SCHEME, Security, placement};
use crate::registry::import::parts;

/// Names of headers and query parameters that hold a secret of the caller.
#[rustfmt::skip]
const SECRETS: &[&str] = &[
    "token", "access_token", "api_token", "auth_token", "api_key", "apikey", "x_api_key", "x_api_token", "x_auth_token", "x_access_token",
    "x_auth_key", "private_token", "app_key", "appid", "key", "oauth_token",
];

/// What a signed request carries by itself.
#[rustfmt::skip]
const SIGNED: &[&str] = &[
    "authorization", "x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature",
    "x-amz-signedheaders",
];

/// Whether a name is that of a secret of the caller.
pub fn is_secret(id: &str) -> bool {
    SECRETS.contains(&id) || matches!(id, "secret" | "password" | "bot_token")
}

impl Security {
    /// A secret that stands in the address of the service.
    pub fn in_path(&mut self, key: &str) {
        self.auth.push(placement(AuthKind::Path, "", &format!("{{{key}}}")));
        self.notes.retain(|note| note != NO_SCHEME);
        self.strategy("api_key");
    }

    /// Parameters that are credentials by their name, where most operations take them.
    pub fn by_parameter(&mut self, parameters: &[&Value], operations: usize) {
        let mut found: Vec<(&str, &str, usize, &Value)> = Vec::new();
        for one in parameters {
            let (Some(name), Some(place)) = (word(one, "name"), word(one, "in")) else { continue };
            let secret = matches!(place, "header" | "query") && SECRETS.contains(&parts::id(name).as_str());
            if !secret || self.keys.contains(&(place.to_owned(), name.to_lowercase())) {
                continue;
            }
            match found.iter_mut().find(|(known, at, ..)| known.eq_ignore_ascii_case(name) && *at == place) {
                Some(known) => known.2 += 1,
                None => found.push((name, place, 1, one)),
            }
        }
        for (name, place, times, of) in found.into_iter().filter(|(_, _, times, _)| *times > 1 && times * 2 > operations) {
            let alone = self.auth.is_empty();
            let scheme = json!({"name": name, "in": place, "description": word(of, "description").unwrap_or_default()});
            self.key(name, &scheme);
            let Some(field) = self.fields.last_mut() else { continue };
            field.required = alone && says(of, "required");
            let said = format!("the parameter '{}' of {times} operations became the credential '{}'", printable(name), field.key);
            self.notes.retain(|note| note != NO_SCHEME);
            self.notes.push(said);
        }
    }

    /// Whether a scheme says that requests are signed as AWS wants it.
    pub fn is_sigv4(scheme: &Value) -> bool {
        word(scheme, "x-amazon-apigateway-authtype").is_some_and(|kind| kind.eq_ignore_ascii_case("awsSigv4"))
    }

    /// Requests are signed: by the keys of an account, for the service that the address names.
    pub fn sigv4(&mut self, name: &str, servers: &[String]) {
        if self.auth.iter().any(|auth| auth.kind == AuthKind::Sigv4) {
            return;
        }
        let Some((service, region)) = servers.iter().find_map(|url| signed_for(url)) else {
            self.notes.push(format!(
                "'{}': requests must be signed by AWS Signature Version 4, and its address does not say for which service; calls will be refused",
                printable(name)
            ));
            self.made.push((name.to_owned(), Vec::new()));
            return;
        };
        let none = Value::Null;
        let id = self.field("access_key_id", "Access key id", false, &none);
        let secret = self.field("secret_access_key", "Secret access key", true, &none);
        let session = self.field("session_token", "Session token", true, &json!({"description": "Only with temporary keys."}));
        self.fields.iter_mut().filter(|field| field.key == id || field.key == secret).for_each(|field| field.required = true);
        let signature = json!({
            "access_key_id": format!("{{{id}}}"), "secret": format!("{{{secret}}}"), "session_token": format!("{{{session}}}"),
            "region": region, "service": service,
        });
        let auth: Option<Auth> = serde_json::from_value(json!({"type": "sigv4", "signature": signature})).ok();
        self.auth.extend(auth);
        for wire in SIGNED {
            self.keys.extend(["header", "query"].map(|place| (place.to_owned(), (*wire).to_owned())));
        }
        self.notes.push(format!("requests are signed by AWS Signature Version 4 for the service '{service}'"));
        self.made.push((name.to_owned(), vec![id, secret]));
        self.strategy("api_key");
    }
}

/// The service and region that an address of AWS names: `https://api.ecr.{region}.amazonaws.com`.
fn signed_for(url: &str) -> Option<(String, String)> {
    let host = url.split_once("://")?.1.split(['/', ':', '?']).next()?;
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let labels: Vec<&str> = host.split('.').collect();
    let is_region = |label: &str| {
        let words = || label.split('-');
        (label.starts_with('{') && label.ends_with('}'))
            || (words().count() >= 3 && words().next_back().is_some_and(|last| last.parse::<u8>().is_ok()))
    };
    let (labels, region) = match labels.split_last() {
        Some((last, before)) if is_region(last) && !before.is_empty() => (before, *last),
        _ => (labels.as_slice(), "us-east-1"),
    };
    // A service signs under the last word of its address, but for these.
    let service = match labels.join(".").as_str() {
        "email" => "ses",
        "data.iot" => "iotdata",
        "metering.marketplace" | "entitlement.marketplace" => "aws-marketplace",
        "bedrock-runtime" => "bedrock",
        _ => labels.last().copied().filter(|label| !label.is_empty() && !label.contains(['{', '}']))?,
    };
    let region = match region.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(variable) => format!("{{{}}}", parts::id(variable)),
        None => region.to_owned(),
    };
    Some((service.to_owned(), region))
}

/// The addresses of a description as they are written.
pub fn addresses(root: &Value) -> Vec<String> {
    let listed = root.get("servers").and_then(Value::as_array).into_iter().flatten().filter_map(|server| word(server, "url"));
    listed.map(str::to_owned).chain(word(root, "host").map(|host| format!("https://{host}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_aws_names_service_and_region() {
        let of = |url: &str| signed_for(url).map(|(service, region)| format!("{service} {region}"));
        assert_eq!(of("http://athena.{region}.amazonaws.com").as_deref(), Some("athena {region}"));
        assert_eq!(of("https://api.ecr.eu-west-1.amazonaws.com/").as_deref(), Some("ecr eu-west-1"));
        assert_eq!(of("https://abc123.execute-api.us-east-2.amazonaws.com/prod").as_deref(), Some("execute-api us-east-2"));
        assert_eq!(of("https://iam.amazonaws.com").as_deref(), Some("iam us-east-1"));
        assert_eq!(of("https://api.example.com"), None);
        assert_eq!(of("https://amazonaws.com.evil.example"), None);
    }
}
