//! Whether a provider can be used now: enabled, configured, active; for lists, pages and diagnoses.

use serde_json::{Value, json};

use crate::access::policy::{self, Question};
use crate::access::vault::{Lease, Vault};
use crate::base::clock::{now_ms, rfc3339};
use crate::base::name::{DEFAULT_ACCOUNT, account_flag};
use crate::config::layers::{Config, Rule};
use crate::registry::credential::Grant;
use crate::registry::function::Operation;
use crate::registry::index::{FieldSummary, Summary};

/// What there is to know of one provider.
pub struct State {
    pub enabled: bool,
    pub configured: bool,
    /// Enabled, configured and callable here.
    pub active: bool,
    pub accounts: Vec<String>,
    /// How each account stands, where one signs in; the usual one first.
    pub sign_in: Vec<(String, SignIn)>,
}

impl State {
    /// Looks at settings and at which credentials there are; reads no secret.
    pub fn of(config: &Config, vault: &Vault, summary: &Summary) -> Self {
        let enabled = policy::enabled(config, &summary.id, summary.local);
        let account = policy::account(config, &summary.id).unwrap_or(DEFAULT_ACCOUNT);
        let configured = configured(vault, summary, account);
        let mut accounts = vault.accounts(&summary.id);
        let (user, project) = config.integration(&summary.id);
        for name in [user, project].into_iter().flatten().flat_map(|rules| rules.accounts.keys()) {
            if !accounts.contains(name) {
                accounts.push(name.clone());
            }
        }
        let others = accounts.iter().map(String::as_str).filter(|name| *name != account);
        let all = std::iter::once(account).chain(others);
        let sign_in = all.filter_map(|name| Some((name.to_owned(), SignIn::of(vault, summary, name)?))).collect();
        Self { sign_in, enabled, configured, active: enabled && configured && summary.cli_runtime_supported, accounts }
    }

    /// In words, with what to do.
    pub fn describe(&self, summary: &Summary) -> String {
        match (self.active, self.enabled, self.configured) {
            (true, ..) => match self.sign_in.first() {
                Some((_, sign_in)) if sign_in.state == "needs_reauth" => format!("must sign in again ({})", sign_in.command),
                _ => String::from("active"),
            },
            (_, _, false) if let Some((_, sign_in)) = self.sign_in.first() => format!("not connected ({})", sign_in.command),
            (_, _, false) => format!("not configured (angelia integrations:configure {})", summary.id),
            (_, false, _) => format!("not enabled (angelia integrations:configure {} --enable)", summary.id),
            _ => String::from("not supported by this program's runtime"),
        }
    }
}

/// Whether an account has a value for every required field.
pub fn configured(vault: &Vault, summary: &Summary, account: &str) -> bool {
    missing(vault, summary, account).next().is_none()
}

/// Required fields of an account that have no value, and are not fetched from others that have one.
pub fn missing<'a>(vault: &'a Vault, summary: &'a Summary, account: &'a str) -> impl Iterator<Item = &'a str> {
    let has = |field: &FieldSummary| field.has_default || vault.source(&summary.id, account, &field.key, &field.env, None).is_some();
    let named = move |key: &String| summary.credentials.iter().any(|field| field.key == *key && has(field));
    let lacks = move |field: &&FieldSummary| {
        field.required
            && !has(field)
            && !field.unless.iter().any(named)
            && !field.fetched_from.iter().any(|fields| fields.iter().all(named))
    };
    summary.credentials.iter().filter(lacks).map(|field| field.key.as_str())
}

/// How an account stands that can sign in.
pub struct SignIn {
    /// `connected`, `needs_reauth`, `token` (one that a person typed), `fetched` (when a call needs it) or `not_connected`.
    pub state: &'static str,
    pub lease: Option<Lease>,
    /// The command that signs in.
    pub command: String,
}

impl SignIn {
    /// `None` where the provider has no sign-in. Reads no secret.
    pub fn of(vault: &Vault, summary: &Summary, account: &str) -> Option<Self> {
        let token = summary.token_field.as_deref()?;
        let lease = vault.lease(&summary.id, account).cloned();
        let stored = |key: &str| vault.stored(&summary.id, account).any(|(known, _)| known == key);
        let person = |lease: &Lease| matches!(lease.by, Grant::AuthorizationCode | Grant::DeviceCode);
        let state = match &lease {
            Some(lease) if lease.ended.is_some() => "needs_reauth",
            Some(lease) if person(lease) && !stored("refresh_token") && lease.expires_at.is_some_and(|end| end <= now_ms()) => {
                "needs_reauth"
            }
            Some(_) => "connected",
            None => {
                let field = summary.credentials.iter().find(|field| field.key == token);
                let has = field.is_some_and(|field| vault.source(&summary.id, account, token, &field.env, None).is_some());
                match (has, missing(vault, summary, account).any(|key| key == token)) {
                    (true, _) => "token",
                    (_, false) if field.is_some_and(|field| !field.fetched_from.is_empty() && field.required) => "fetched",
                    _ => "not_connected",
                }
            }
        };
        let of = account_flag(account);
        Some(Self { state, lease, command: format!("angelia integrations:connect {}{of}", summary.id) })
    }

    /// When the token ends, where that is known.
    pub fn expires_at(&self) -> Option<String> {
        self.lease.as_ref()?.expires_at.map(rfc3339)
    }

    /// For listings.
    pub fn json(&self) -> Value {
        let scopes = self.lease.as_ref().map(|lease| lease.scopes.clone()).unwrap_or_default();
        let by = self.lease.as_ref().map(|lease| lease.by.as_str());
        let next = matches!(self.state, "needs_reauth" | "not_connected").then_some(&self.command);
        json!({"state": self.state, "grant": by, "scopes": scopes, "expires_at": self.expires_at(), "next": next})
    }
}

/// What the policy says of a whole operation class (function rules aside).
pub fn rule(config: &Config, summary: &Summary, operation: Operation, account: &str) -> Rule {
    policy::decide(config, &Question { provider: &summary.id, function: "", operation, account, local: summary.local }).rule
}
