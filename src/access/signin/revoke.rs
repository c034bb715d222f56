//! The end of a sign-in: tokens are given back (RFC 7009) and removed here, and what did not work is said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::access::signin::client::Party;
use crate::access::signin::{Account, REFRESH};
use crate::base::error::{Error, Result};
use crate::net::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use crate::registry::credential::ClientAuth;

/// What the service said to tokens that were given back.
#[derive(Debug)]
pub enum Revoked {
    /// They hold no more.
    Done,
    /// There is nothing to give back, or no way to do it.
    Not(&'static str),
    /// It refused: they may hold until they end by themselves.
    Refused(String),
}

impl Account {
    /// Whether the account signed in, so that there are tokens to give back.
    pub fn signed_in(&self) -> Result<bool> {
        Ok(self.vault()?.lease(&self.provider.id, &self.name).is_some())
    }

    /// Gives the tokens back, unless only this machine shall forget them, and removes them. Answers the fields that stay. What fails in
    /// passing is an error: the tokens are still there then, and it can be tried again.
    pub async fn disconnect(&self, local: bool) -> Result<(Revoked, Vec<String>)> {
        // Who renews them just now would bring them back.
        let held = self.hold().await?;
        let revoked = if local { Revoked::Not("the service was not told") } else { self.revoke().await? };
        let kept = self.forget()?;
        drop(held);
        Ok((revoked, kept))
    }

    async fn revoke(&self) -> Result<Revoked> {
        let vault = self.vault()?;
        let credentials = vault.unlock(&self.provider, &self.name)?;
        let party = self.party(&credentials)?;
        let Some(template) = party.oauth.revoke_url.as_deref() else { return Ok(Revoked::Not("the service has no way to revoke them")) };
        let url = party.address(template)?;
        let server = party.server()?;
        if vault.lease(&self.provider.id, &self.name).is_some_and(|lease| lease.server != server) {
            return Ok(Revoked::Not("they are of another server than the account's settings name now"));
        }
        // What renews comes first: with it all that it gave ends, where a service follows the standard.
        let tokens = [(REFRESH, REFRESH), (party.oauth.token_field.as_str(), "access_token")];
        let (mut given, mut refused) = (false, None);
        for (field, hint) in tokens {
            // What stands in the environment is another's.
            let Some(token) = vault.stored_value(&self.provider, &self.name, field)? else { continue };
            given = true;
            let mut form = vec![(String::from("token"), token.expose().to_owned()), (String::from("token_type_hint"), hint.to_owned())];
            let mut headers = HeaderMap::new();
            identify(&party, &mut form, &mut headers)?;
            let refusal = party.endpoint().revoked(url.clone(), headers, &form).await?;
            // A service may revoke tokens of one kind only.
            refused = refused.or(refusal);
        }
        Ok(match refused {
            Some(why) => Revoked::Refused(why),
            None if given => Revoked::Done,
            None => Revoked::Not("there are none"),
        })
    }

    /// Removes the tokens, and what was kept of their answer. The client stays.
    fn forget(&self) -> Result<Vec<String>> {
        let oauth = self.oauth()?;
        let mut vault = self.vault()?;
        let ours = |key: &str| key == oauth.token_field || key == REFRESH || oauth.keep.contains_key(key);
        let stored: Vec<String> = vault.stored(&self.provider.id, &self.name).map(|(key, _)| key.to_owned()).collect();
        let (gone, kept): (Vec<String>, Vec<String>) = stored.into_iter().partition(|key| ours(key));
        let changes = gone.into_iter().map(|key| (key, None)).collect();
        vault.store_lease(&self.provider, &self.name, &changes, None)?;
        Ok(kept)
    }
}

/// Says who the client is (RFC 6749 section 2.3.1).
fn identify(party: &Party<'_>, form: &mut Vec<(String, String)>, headers: &mut HeaderMap) -> Result<()> {
    let (Some(id), secret) = (party.field("client_id"), party.field("client_secret")) else { return Ok(()) };
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match secret.filter(|_| party.oauth.client_auth == ClientAuth::Basic) {
        Some(secret) => {
            let basic = STANDARD.encode(format!("{}:{}", encoded(id.expose()), encoded(secret.expose())));
            let mut value = HeaderValue::from_str(&format!("Basic {basic}")).map_err(|error| Error::internal(error.to_string()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        None => {
            form.push((String::from("client_id"), id.expose().to_owned()));
            form.extend(party.field("client_secret").map(|secret| (String::from("client_secret"), secret.expose().to_owned())));
        }
    }
    Ok(())
}
