//! Sign-in on another device (RFC 8628): a person enters a short code elsewhere while the token endpoint is asked now and then.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::{AsyncHttpClient, DeviceAuthorizationUrl, EmptyExtraDeviceAuthorizationFields, HttpRequest, HttpResponse};
use serde_json::Value;

use crate::access::signin::client::{Granted, Party, Trouble};
use crate::access::signin::code::{reachable, refused};
use crate::access::signin::connect::{Person, Shown};
use crate::access::signin::endpoint::{Endpoint, Lost, seconds};
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;

/// What the library waits between two questions where the answer names no time.
const USUAL: Duration = Duration::from_secs(5);
/// How long a code holds where the answer does not say it, and at most.
const HOLDS: (u64, u64) = (900, 86_400);

/// Shows a person the code and waits for their consent.
pub(super) async fn by_device(party: &Party<'_>, scopes: &[String], person: &dyn Person) -> Result<Granted> {
    reachable(party)?;
    let template = party.oauth.device_url.as_deref().ok_or_else(|| Error::internal("no device_url"))?;
    let client = party.client()?.set_device_authorization_url(DeviceAuthorizationUrl::from_url(party.address(template)?));
    let asking = Asking { endpoint: party.endpoint(), interval: Mutex::new(USUAL) };
    let mut request = client.exchange_device_code();
    if let Some((name, scopes)) = party.scopes(scopes) {
        request = request.add_extra_param(name, scopes);
    }
    let asked = request.request_async(&asking).await;
    let details: oauth2::DeviceAuthorizationResponse<EmptyExtraDeviceAuthorizationFields> =
        asked.map_err(|error| failed(party, party.trouble(error)))?;
    let address = details.verification_uri().as_str();
    if !(address.starts_with("https://") || address.starts_with("http://")) {
        return Err(Error::new(Code::InvalidResponse, format!("{} names no usable address to enter the code at", party.provider.title)));
    }
    person.device(&Shown {
        address: &printable(address),
        code: &printable(details.user_code().secret()),
        complete: details.verification_uri_complete().map(|address| printable(address.secret())).as_deref(),
        seconds: details.expires_in().as_secs(),
    });
    let Asking { endpoint, interval } = asking;
    let own = interval.into_inner().unwrap_or(USUAL);
    // The library counts from its own interval; ours takes its place, and what it adds when it is told to slow down stays.
    let pause = |wait: Duration| tokio::time::sleep((wait + own).saturating_sub(USUAL));
    let mut request = client.exchange_device_access_token(&details);
    for (name, value) in party.token_parameters() {
        request = request.add_extra_param(name, value);
    }
    let tokens = request.request_async(&endpoint, pause, None).await;
    tokens.map(|tokens| party.granted(&tokens)).map_err(|error| failed(party, party.trouble(error)))
}

fn failed(party: &Party<'_>, trouble: Trouble) -> Error {
    match trouble {
        Trouble::Other(error) => error,
        Trouble::Refused { error, said } => refused(party, &error, &said),
    }
}

/// The endpoint that gives a code out. How long the code holds is said in many ways, or not at all. The interval is taken out of its answer: the library cannot read a number whose digits are kept as they
/// stand.
struct Asking {
    endpoint: Endpoint,
    interval: Mutex<Duration>,
}

impl<'c> AsyncHttpClient<'c> for Asking {
    type Error = Lost;
    type Future = BoxFuture<'c, Result<HttpResponse, Lost>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.endpoint.send(request).await?;
            let Ok(Value::Object(mut members)) = serde_json::from_slice(answer.body()) else { return Ok(answer) };
            let holds = members.get("expires_in").and_then(seconds).unwrap_or(HOLDS.0).min(HOLDS.1);
            if members.contains_key("device_code") {
                members.insert(String::from("expires_in"), Value::from(holds));
            }
            if let Some(seconds) = members.shift_remove("interval").as_ref().and_then(seconds)
                && let Ok(mut interval) = self.interval.lock()
            {
                *interval = Duration::from_secs(seconds.clamp(1, 60));
            }
            let (parts, _) = answer.into_parts();
            Ok(HttpResponse::from_parts(parts, Value::from(members).to_string().into_bytes()))
        })
    }
}
