//! Sign-in by the authorization code with PKCE (RFC 6749 section 4.1, RFC 7636): a person consents in a browser, which comes back to a
//! listener on loopback, or whose last address the person pastes, as where a service sends nobody to loopback. State, issuer and nonce are checked before anything is believed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};
use serde_json::Value;
use url::Url;

use crate::access::loopback::{self, Answer, Loopback, Visit};
use crate::access::signin::client::{Granted, Party, Trouble, of};
use crate::access::signin::connect::{Person, Wish};
use crate::base::error::{Code, Error, Result};
use crate::base::json::plain;
use crate::net::is_private;

/// One sign-in on its way.
struct Begun {
    address: Url,
    state: CsrfToken,
    verifier: Option<PkceCodeVerifier>,
    nonce: Option<CsrfToken>,
    redirect: RedirectUrl,
}

/// Asks a person for consent and turns it into tokens. The browser waits to be told how it ends.
pub(super) async fn by_code(party: &Party<'_>, scopes: &[String], wish: &Wish, person: &dyn Person) -> Result<(Granted, Visit)> {
    // What is missing is said before a browser opens.
    party.client()?;
    reachable(party)?;
    let (loopback, redirect) = match &wish.redirect {
        Some(elsewhere) if !loopback::is_here(elsewhere) => (None, String::from(elsewhere.clone())),
        Some(here) => Loopback::at(here).await.map(|(loopback, redirect)| (Some(loopback), redirect))?,
        None => {
            let loopback = Loopback::open(party.oauth.redirect_port).await?;
            let redirect = loopback.redirect(party.oauth.redirect_host.as_str());
            (Some(loopback), redirect)
        }
    };
    let begun = begin(party, scopes, redirect)?;
    let elsewhere = loopback.is_none();
    person.visit(begun.address.as_str(), elsewhere.then(|| begun.redirect.as_str()));
    let strange = |text: &str| person.note(text);
    let came = async {
        match &loopback {
            Some(loopback) => loopback.wait(begun.state.secret(), &strange).await,
            None => std::future::pending().await,
        }
    };
    let visit = tokio::select! {
        visit = came => visit,
        visit = pasted(person, begun.state.secret(), elsewhere) => visit.ok_or_else(|| unheard(begun.redirect.as_str()))?,
        () = tokio::time::sleep(wish.patience) => return Err(nobody(party, wish.patience)),
        () = person.interrupted() => return Err(interrupted()),
    };
    // From here on nothing is cut off: a code is redeemed once, and its tokens are kept.
    drop(loopback);
    let granted = match accepted(party, &visit.answer) {
        Ok(code) => redeem(party, begun, code).await.map(|granted| with_redirect(party, granted, &visit.answer)),
        Err(error) => Err(error),
    };
    match granted {
        Ok(granted) => Ok((granted, visit)),
        Err(error) => {
            told(party, visit, Some(&error)).await;
            Err(error)
        }
    }
}

/// The answer in an address that the person pastes. Where nobody pastes one, the browser is waited for, unless it goes `elsewhere`.
async fn pasted(person: &dyn Person, state: &str, elsewhere: bool) -> Option<Visit> {
    loop {
        match person.pasted(elsewhere).await {
            Some(line) => match Visit::pasted(&line, state) {
                Some(visit) => return Some(visit),
                None => person.note("That is not the address that this sign-in ends at; copy the whole address of the page"),
            },
            None if elsewhere => return None,
            None => std::future::pending().await,
        }
    }
}

fn unheard(redirect: &str) -> Error {
    Error::usage(format!("The browser ends at {redirect}, where this program does not listen, and nobody pastes the address of that page"))
        .hint("Run it on a terminal, or give that address as a line on stdin")
}

/// The error where a person took too long.
pub(super) fn nobody(party: &Party<'_>, patience: Duration) -> Error {
    let line = format!("Nobody signed in to {} within {} seconds; no tokens were kept", party.provider.title, patience.as_secs());
    Error::new(Code::Timeout, line).hint(format!("angelia integrations:connect {}{}", party.provider.id, of(party.account)))
}

pub(super) fn interrupted() -> Error {
    Error::new(Code::Cancelled, "Interrupted; no tokens were kept")
}

/// Nobody is asked to consent where the token could not be fetched then.
pub(super) fn reachable(party: &Party<'_>) -> Result<()> {
    if party.way.allow_private || !is_private(&party.address(&party.oauth.token_url)?) {
        return Ok(());
    }
    let line = format!("The token endpoint of {} has a private address, which is not open to it", party.provider.title);
    Err(Error::new(Code::Unreachable, line).hint(format!("angelia integrations:configure {} --allow-private", party.provider.id)))
}

/// Some services say in the redirect what others say beside the token, such as whose data it is for: `keep: {realm: redirect.realmId}`.
fn with_redirect(party: &Party<'_>, mut granted: Granted, answer: &Answer) -> Granted {
    let mut scrubber = party.scrubber();
    [Some(&granted.access), granted.refresh.as_ref()].into_iter().flatten().for_each(|token| scrubber.add(token.expose()));
    for (field, place) in &party.oauth.keep {
        let value = place.as_str().and_then(|place| answer.query(place.strip_prefix("redirect.")?));
        granted.kept.extend(value.and_then(|value| party.kept(field, &value, &scrubber)));
    }
    granted
}

/// Shows the page that says how it ended.
pub(super) async fn told(party: &Party<'_>, visit: Visit, error: Option<&Error>) {
    let title = &party.provider.title;
    match error {
        None => visit.tell(true, "Signed in", &format!("Angelia may use {title} now. You can close this page.")).await,
        Some(error) if error.code == Code::PermissionDenied => {
            visit
                .tell(false, "Not allowed", &format!("Access to {title} was not allowed; nothing was kept. You can close this page."))
                .await;
        }
        Some(_) => {
            let text = format!("Signing in to {title} did not work; nothing was kept. The terminal says why. You can close this page.");
            visit.tell(false, "Not signed in", &text).await;
        }
    }
}

fn begin(party: &Party<'_>, scopes: &[String], redirect: String) -> Result<Begun> {
    let oauth = party.oauth;
    let template = oauth.authorize_url.as_deref().ok_or_else(|| Error::internal("no authorize_url"))?;
    let redirect = RedirectUrl::new(redirect).map_err(|error| Error::internal(error.to_string()))?;
    let client = party.client()?.set_auth_uri(AuthUrl::from_url(party.address(template)?)).set_redirect_uri(redirect.clone());
    let mut request = client.authorize_url(CsrfToken::new_random);
    if let Some((name, scopes)) = party.scopes(scopes) {
        request = request.add_extra_param(name, scopes);
    }
    for (name, value) in &oauth.authorize_parameters {
        request = request.add_extra_param(name.clone(), plain(value));
    }
    let nonce = scopes.iter().any(|scope| scope == "openid").then(CsrfToken::new_random);
    if let Some(nonce) = &nonce {
        request = request.add_extra_param("nonce", nonce.secret().clone());
    }
    let mut verifier = None;
    if oauth.pkce {
        let (challenge, secret) = PkceCodeChallenge::new_random_sha256();
        request = request.set_pkce_challenge(challenge);
        verifier = Some(secret);
    }
    let (address, state) = request.url();
    Ok(Begun { address, state, verifier, nonce, redirect })
}

/// The code of an answer that may be believed.
fn accepted(party: &Party<'_>, answer: &Answer) -> Result<String> {
    let title = &party.provider.title;
    if let Some(issuer) = &answer.issuer {
        // Another server's answer would have our code redeemed there (RFC 9207).
        let expected = party.address(party.oauth.authorize_url.as_deref().unwrap_or_default())?;
        let same = Url::parse(issuer).is_ok_and(|issuer| issuer.origin() == expected.origin());
        let known = party.oauth.issuer.as_ref().is_none_or(|known| known.trim_end_matches('/') == issuer.trim_end_matches('/'));
        if !known || (party.oauth.issuer.is_none() && !same) {
            return Err(Error::new(
                Code::InvalidResponse,
                format!("The answer to the sign-in comes from another server than that of {title}; it was refused"),
            ));
        }
    }
    if let Some((error, said)) = &answer.error {
        return Err(refused(party, error, said));
    }
    if party.oauth.issuer.is_some() && answer.issuer.is_none() {
        return Err(Error::new(
            Code::InvalidResponse,
            format!("The answer to the sign-in at {title} does not say which server it comes from; it was refused"),
        ));
    }
    answer.code.clone().ok_or_else(|| Error::new(Code::InvalidResponse, format!("The answer to the sign-in at {title} holds no code")))
}

/// The refusal of a sign-in, by its error.
pub(super) fn refused(party: &Party<'_>, error: &str, said: &str) -> Error {
    let title = &party.provider.title;
    let colon = if said.is_empty() { "" } else { ": " };
    let scrubber = party.scrubber();
    let (error, said) = (scrubber.scrub(error), scrubber.scrub(said));
    match error.as_str() {
        "access_denied" => {
            Error::new(Code::PermissionDenied, format!("Access to {title} was not allowed (access_denied){colon}{said}; nothing was kept"))
        }
        "expired_token" => Error::new(Code::Timeout, format!("The code for {title} was not entered in time; nothing was kept")),
        "temporarily_unavailable" | "server_error" => {
            Error::new(Code::Unreachable, format!("{title} cannot sign anybody in at the moment ({error}){colon}{said}")).retryable()
        }
        _ => Error::new(Code::NeedsReauth, format!("Signing in to {title} was refused ({error}){colon}{said}")),
    }
}

async fn redeem(party: &Party<'_>, begun: Begun, code: String) -> Result<Granted> {
    let client = party.client()?.set_redirect_uri(begun.redirect);
    let mut request = client.exchange_code(AuthorizationCode::new(code));
    if let Some(verifier) = begun.verifier {
        request = request.set_pkce_verifier(verifier);
    }
    for (name, value) in party.token_parameters() {
        request = request.add_extra_param(name, value);
    }
    let endpoint = party.endpoint();
    let tokens = request.request_async(&endpoint).await;
    let granted = match tokens.map_err(|error| party.trouble(error)) {
        Ok(tokens) => party.granted(&tokens),
        Err(Trouble::Other(error)) => return Err(error),
        Err(Trouble::Refused { error, said }) => return Err(refused(party, &error, &said)),
    };
    match (&begun.nonce, &granted.id_token) {
        (Some(nonce), Some(token)) if claim(token.expose(), "nonce").as_deref() != Some(nonce.secret()) => Err(Error::new(
            Code::InvalidResponse,
            format!("The identity that {} answered belongs to another sign-in (its nonce is wrong)", party.provider.title),
        )),
        _ => Ok(granted),
    }
}

/// A claim of an identity token that came straight from the token endpoint: who it is from needs no proof by signature then.
fn claim(token: &str, name: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}
