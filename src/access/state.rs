//! Whether a provider can be used now: enabled, configured, active; for lists, pages and diagnoses.

use crate::access::policy::{self, Question};
use crate::access::vault::Vault;
use crate::base::name::DEFAULT_ACCOUNT;
use crate::config::layers::{Config, Rule};
use crate::registry::function::Operation;
use crate::registry::index::Summary;

/// What there is to know of one provider.
pub struct State {
    pub enabled: bool,
    pub configured: bool,
    /// Enabled, configured and callable here.
    pub active: bool,
    pub accounts: Vec<String>,
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
        Self { enabled, configured, active: enabled && configured && summary.cli_runtime_supported, accounts }
    }

    /// In words, with what to do.
    pub fn describe(&self, summary: &Summary) -> String {
        match (self.active, self.enabled, self.configured) {
            (true, ..) => String::from("active"),
            (_, _, false) => format!("not configured (angelia integrations:configure {})", summary.id),
            (_, false, _) => format!("not enabled (angelia integrations:configure {} --enable)", summary.id),
            _ => String::from("not supported by this program's runtime"),
        }
    }
}

/// Whether an account has a value for every required field.
pub fn configured(vault: &Vault, summary: &Summary, account: &str) -> bool {
    summary
        .credentials
        .iter()
        .all(|field| !field.required || field.has_default || vault.source(&summary.id, account, &field.key, &field.env, None).is_some())
}

/// What the policy says of a whole operation class (function rules aside).
pub fn rule(config: &Config, summary: &Summary, operation: Operation, account: &str) -> Rule {
    policy::decide(config, &Question { provider: &summary.id, function: "", operation, account, local: summary.local }).rule
}
