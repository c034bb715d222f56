//! The protocol library's client, made from a manifest and an account's own client; and what comes of a request for tokens.

use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::access::auth;
use crate::access::field::check;
use crate::access::signin::endpoint::{Endpoint, Lost, Way};
use crate::access::vault::Credentials;
use crate::base::error::{Code, Error, Result};
use crate::base::json::{path, plain, sha256};
use crate::base::name::{DEFAULT_ACCOUNT, printable};
use crate::base::secret::{Scrubber, Secret};
use crate::net::is_private;
use crate::registry::credential::{ClientAuth, CredentialKind, Grant, OAuth};
use crate::registry::manifest::Provider;

/// What one part of an address keeps as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Tokens, with the answer that they stood in.
pub(super) type Tokens = StandardTokenResponse<Whole, BasicTokenType>;

/// A client whose token endpoint is known.
pub(super) type TokenClient = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The whole answer, for what a manifest keeps of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Whole {
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    id_token: Option<String>,
}

impl std::fmt::Debug for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl ExtraTokenFields for Whole {}

/// What an authorization server gave.
pub(super) struct Granted {
    pub access: Secret,
    pub refresh: Option<Secret>,
    pub expires_in: Option<u64>,
    /// `None` where the answer does not say it: what was asked for.
    pub scopes: Option<Vec<String>>,
    /// What the manifest keeps of the answer, by field.
    pub kept: Vec<(String, Secret)>,
    pub id_token: Option<Secret>,
}

/// Why there are no tokens.
pub(super) enum Trouble {
    /// The authorization server refused: its error, and what it said.
    Refused { error: String, said: String },
    /// Nothing is decided.
    Other(Error),
}

/// One account at the authorization server of its provider.
pub(super) struct Party<'a> {
    pub provider: &'a Provider,
    pub oauth: &'a OAuth,
    pub account: &'a str,
    pub credentials: &'a Credentials,
    pub way: &'a Way,
}

impl Party<'_> {
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { way: self.way.clone(), oauth: self.oauth.clone(), title: self.provider.title.clone(), scrubber: self.scrubber() }
    }

    /// Knows every secret of the account, and the key within a service account's file.
    pub fn scrubber(&self) -> Scrubber {
        let mut scrubber = auth::scrubber(self.provider, self.credentials);
        let file = self.field("service_account").and_then(|file| serde_json::from_str::<Value>(file.expose()).ok());
        if let Some(key) = file.as_ref().and_then(|file| file["private_key"].as_str()) {
            scrubber.add(key);
            key.lines().filter(|line| !line.starts_with('-')).for_each(|line| scrubber.add(line));
        }
        scrubber
    }

    /// An address of the manifest, with the account's settings in it.
    pub fn address(&self, template: &str) -> Result<Url> {
        let missing = || {
            Error::new(
                Code::MissingCredentials,
                format!("The sign-in address '{template}' needs settings of the account that have no value, or none that fits"),
            )
            .hint(format!("angelia integrations:fields {}{}", self.provider.id, of(self.account)))
        };
        let text = |key: &str| {
            let field = self.provider.credentials.iter().find(|field| field.key == key);
            field.is_none_or(|field| !matches!(field.kind, CredentialKind::Host | CredentialKind::Url))
        };
        // Only a host and a URL may say where a request goes; any other value is one part of the address and stays one.
        let segment = |key: &str, value: &str| match (text(key), value) {
            (true, "." | "..") => None,
            (true, value) => Some(utf8_percent_encode(value, SEGMENT).to_string()),
            (false, value) => Some(value.to_owned()),
        };
        let filled = self.credentials.fill_as(template, segment).ok_or_else(missing)?;
        let url =
            Url::parse(filled.expose()).map_err(|error| Error::usage(format!("The sign-in address '{template}' is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(Error::usage(format!("The sign-in address '{template}' must be an http or https URL")));
        }
        if url.scheme() == "http" && !self.way.allow_private && !is_private(&url) {
            return Err(Error::usage(format!("The sign-in address '{template}' is not encrypted: secrets are sent by https only")));
        }
        Ok(url)
    }

    /// A field of the account.
    pub fn field(&self, key: &str) -> Option<Secret> {
        self.credentials.fill(&format!("{{{key}}}"))
    }

    /// The client that the user brought, or that the manifest has for everybody.
    pub fn client(&self) -> Result<TokenClient> {
        let (id, of) = (&self.provider.id, of(self.account));
        let client_id = self.field("client_id").ok_or_else(|| {
            let line = format!("Signing in to {} needs a client of your own: it has no client_id", self.provider.title);
            let help = Some(self.oauth.help.clone()).filter(|help| !help.is_empty());
            Error::new(Code::MissingCredentials, line)
                .hints(help)
                .hint(format!("angelia integrations:connect {id}{of} --client-id ID --client-secret-stdin"))
                .hints(self.registered())
        })?;
        let token_url = TokenUrl::from_url(self.address(&self.oauth.token_url)?);
        let auth_type = match self.oauth.client_auth {
            ClientAuth::Basic => AuthType::BasicAuth,
            ClientAuth::Body => AuthType::RequestBody,
        };
        let client = oauth2::Client::new(ClientId::new(client_id.expose().to_owned())).set_token_uri(token_url).set_auth_type(auth_type);
        Ok(match self.field("client_secret") {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        })
    }

    /// What a client must be allowed to do, as the manifest has it.
    fn registered(&self) -> Vec<String> {
        let in_browser = self.oauth.grants.contains(&Grant::AuthorizationCode);
        let redirect = self.oauth.redirect_port.filter(|_| in_browser).map(|port| {
            format!(
                "Its redirect address: http://{}:{port}/callback; --redirect URL where it was registered with another",
                self.oauth.redirect_host.as_str()
            )
        });
        let scopes = (!self.oauth.scopes.is_empty())
            .then(|| format!("The scopes that are asked for: {}; --scopes names others", self.oauth.scopes.join(" ")));
        redirect.into_iter().chain(scopes).collect()
    }

    /// Scopes as this service writes them, with the name of the parameter; nothing where there are none.
    pub fn scopes(&self, scopes: &[String]) -> Option<(String, String)> {
        (!scopes.is_empty()).then(|| (self.oauth.scope_parameter.clone(), scopes.join(&self.oauth.scope_separator)))
    }

    /// Fixed parameters of requests for tokens.
    pub fn token_parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.oauth.token_parameters.iter().map(|(name, value)| (name.clone(), plain(value)))
    }

    /// Whom the tokens are given to, as a digest.
    pub fn digest(&self) -> String {
        let field = |key: &str| self.field(key).map(|value| value.expose().to_owned()).unwrap_or_default();
        let key: Value = serde_json::from_str(&field("service_account")).unwrap_or_default();
        let address = self.address(&self.oauth.token_url).map_or_else(|_| self.oauth.token_url.clone(), String::from);
        digest(&[&address, &field("client_id"), key["client_email"].as_str().unwrap_or_default()].join("\n"))
    }

    /// Which server the tokens are of, as a digest: where one depends on the account's settings, they count too.
    pub fn server(&self) -> Result<String> {
        let address = self.address(&self.oauth.token_url)?;
        Ok(digest(&if self.oauth.token_url.contains('{') { String::from(address) } else { address.origin().ascii_serialization() }))
    }

    /// A value that is kept of an answer, where its field takes it. What is not secret stands in the open and holds no secret.
    pub fn kept(&self, key: &str, value: &str, scrubber: &Scrubber) -> Option<(String, Secret)> {
        let field = self.provider.credentials.iter().find(|field| field.key == key)?;
        let value = check(field, value).ok()?;
        (field.secret || scrubber.scrub(&value) == value).then(|| (key.to_owned(), Secret::new(value)))
    }

    /// What an answer gave. What the fields do not take of it is left out: the tokens are not lost for it.
    pub fn granted(&self, tokens: &Tokens) -> Granted {
        let Whole { answer, id_token } = tokens.extra_fields();
        let mut scrubber = self.scrubber();
        scrubber.add(tokens.access_token().secret());
        tokens.refresh_token().into_iter().for_each(|token| scrubber.add(token.secret()));
        let kept = self.oauth.keep.iter().filter_map(|(field, place)| {
            let value = path(answer, place.as_str()?).filter(|value| !value.is_null())?;
            self.kept(field, &plain(value), &scrubber)
        });
        let in_the_open = |scope: &String| scrubber.scrub(scope) == *scope;
        Granted {
            access: Secret::new(tokens.access_token().secret().clone()),
            refresh: tokens.refresh_token().map(|token| Secret::new(token.secret().clone())),
            expires_in: tokens.expires_in().map(|time| time.as_secs()),
            scopes: tokens.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).filter(in_the_open).collect()),
            kept: kept.collect(),
            id_token: id_token.clone().map(Secret::new),
        }
    }

    /// What went wrong with a request for tokens.
    pub fn trouble<T: ErrorResponse>(&self, error: RequestTokenError<Lost, T>) -> Trouble {
        let shown = |text: &str| printable(&self.scrubber().scrub(text));
        match error {
            RequestTokenError::ServerResponse(refusal) => {
                let value = serde_json::to_value(&refusal).unwrap_or_default();
                let word = |key: &str| value[key].as_str().map(printable).unwrap_or_default();
                Trouble::Refused { error: word("error"), said: word("error_description") }
            }
            RequestTokenError::Request(Lost(error)) => Trouble::Other(error),
            RequestTokenError::Parse(error, _) => Trouble::Other(Error::new(
                Code::InvalidResponse,
                format!(
                    "The answer of the authorization server of {} cannot be understood: {}",
                    self.provider.title,
                    shown(&error.to_string())
                ),
            )),
            RequestTokenError::Other(why) => Trouble::Other(Error::new(
                Code::InvalidResponse,
                format!("The authorization server of {}: {}", self.provider.title, shown(&why)),
            )),
        }
    }
}

fn digest(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(16).collect()
}

/// The option that names an account, where it must be named.
pub(super) fn of(account: &str) -> String {
    if account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {account}") }
}
