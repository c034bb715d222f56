//! The one door: prepare a call (every check, in the contract's order), perform it, record it, answer in one envelope.
//! A refusal is recorded and answered in the same shape. Nothing here prompts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::access::approvals::{self, Asked};
use crate::access::auth;
use crate::access::field::base_url;
use crate::access::policy::{self, Decision, Question};
use crate::access::vault::Vault;
use crate::base::address;
use crate::base::clock::now_ms;
use crate::base::envelope::Envelope;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{self, DEFAULT_ACCOUNT};
use crate::base::secret::{MASK, Scrubber};
use crate::call::args;
use crate::call::audit;
use crate::call::draft::Draft;
use crate::call::executor::{Executor, Outcome, Ready, Upstreams};
use crate::call::finish;
use crate::call::http::Http;
use crate::call::native::Native;
use crate::call::plan::Plan;
use crate::call::request::{Call, Ctx};
use crate::call::tape;
use crate::config::layers::{Config, ForceRule, Rule};
use crate::registry::catalog::{Callable, Catalog};
use crate::registry::function::{Operation, UPSTREAMS};
use crate::store::Memory;
use crate::store::calls::CallRow;

/// What every call needs.
pub struct Runtime {
    pub catalog: Catalog,
    pub config: Config,
    pub vault: Vault,
    pub memory: Arc<Memory>,
    pub http: Http,
    pub native: Native,
    /// Carries out workflow files.
    pub workflows: Option<Box<dyn Executor>>,
    /// Upstream MCP servers.
    pub upstreams: Option<Arc<dyn Upstreams>>,
    /// Receives notes for a person, such as a record that could not be written.
    pub notes: Box<dyn Fn(&str) + Send + Sync>,
}

/// How far a call came before anything was sent.
pub enum Station {
    /// It ends here.
    Refused(Box<Envelope>),
    /// The policy wants a person's word.
    Asks(Box<Plan>),
    /// It may be performed.
    Allowed(Box<Plan>),
}

impl Runtime {
    /// Prepares and performs; where the policy asks, the context's asker is asked, and without one a ticket is left. Never fails: the error is in the envelope.
    pub async fn call(&self, ctx: &Ctx, call: Call) -> Envelope {
        match self.checked(ctx, call).await {
            Station::Refused(envelope) => *envelope,
            Station::Allowed(plan) => self.perform(ctx, *plan).await,
            Station::Asks(plan) => self.asked(ctx, *plan).await,
        }
    }

    /// Makes an upstream server's functions known, where a name belongs to one whose tools were never asked for.
    pub async fn discover(&self, name: &str) -> Result<()> {
        let Some(upstreams) = self.upstreams.as_ref().filter(|_| name.starts_with(UPSTREAMS)) else { return Ok(()) };
        let Some((provider, _)) = name.rsplit_once('.') else { return Ok(()) };
        if self.catalog.function(name).is_ok() {
            return Ok(());
        }
        match upstreams.discover(provider).await {
            Ok((provider, functions)) => self.catalog.learn(&provider, functions),
            // Who looks the name up says it with the nearest names.
            Err(error) if error.code == Code::UnknownProvider => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Asks for a person's word on a plan, and does what it says; where nobody can be asked a ticket is left.
    pub async fn asked(&self, ctx: &Ctx, plan: Plan) -> Envelope {
        let word = match (&ctx.asker, self.shown(&plan)) {
            (Some(asker), Ok(request)) => asker.ask(&plan, &request).await,
            _ => None,
        };
        match word {
            Some(true) => self.perform(ctx, plan).await,
            Some(false) => self.declined(ctx, &plan),
            None => self.leave_ticket(ctx, plan),
        }
    }

    /// As [`Runtime::prepare`], for functions too that have to be discovered first.
    pub async fn checked(&self, ctx: &Ctx, call: Call) -> Station {
        // No server is started for whom it is not offered to.
        let provider = call.function.rsplit_once('.').map_or("", |(provider, _)| provider);
        let offered = ctx.reach.as_ref().is_none_or(|reach| reach.has_provider(provider));
        let discovered = tokio::select! {
            discovered = self.discover(&call.function), if offered => discovered,
            () = std::future::ready(()), if !offered => Ok(()),
            () = ctx.cancel.cancelled() => Err(Error::new(Code::Cancelled, "Interrupted")),
        };
        match discovered {
            Ok(()) => self.prepare(ctx, call),
            Err(error) => Station::Refused(Box::new(self.refused(ctx, &Draft::begun(&call), error, None))),
        }
    }

    /// Every check, in order. Nothing is sent and no secret is read.
    pub fn prepare(&self, ctx: &Ctx, call: Call) -> Station {
        let mut draft = Draft::begun(&call);
        match self.plan(ctx, call, &mut draft) {
            Err(error) => self.refuse(ctx, draft, error, None),
            Ok(plan) if plan.decision.rule == Rule::Allow || plan.bypassed => self.allowed(ctx, draft, plan),
            Ok(plan) => self.undecided(ctx, draft, plan),
        }
    }

    fn allowed(&self, ctx: &Ctx, draft: Draft, plan: Plan) -> Station {
        if !plan.options.dry_run {
            return Station::Allowed(Box::new(plan));
        }
        match self.shown(&plan) {
            Ok(request) => {
                let mut row = draft.row(ctx);
                row.outcome = String::from("planned");
                row.force = plan.bypassed;
                self.finish_row(row, &draft);
                let mut envelope = draft.envelope(Outcome::default());
                envelope.meta.request = Some(request);
                envelope.meta.permission_bypassed = plan.bypassed;
                Station::Refused(Box::new(envelope))
            }
            Err(error) => self.refuse(ctx, draft, error, None),
        }
    }

    fn undecided(&self, ctx: &Ctx, draft: Draft, mut plan: Plan) -> Station {
        let refusal = policy::refusal(&question(&plan), &plan.decision);
        if plan.decision.rule == Rule::Deny {
            return self.refuse(ctx, draft, refusal, None);
        }
        let request = match self.shown(&plan) {
            Ok(request) => request,
            Err(error) => return self.refuse(ctx, draft, error, None),
        };
        let digest = request["digest"].as_str().unwrap_or_default().to_owned();
        if plan.options.planned {
            return Station::Asks(Box::new(plan));
        }
        if plan.options.dry_run {
            let approved = self.memory.with(|store| store.ticket_for(&digest, "approved", now_ms()));
            if matches!(approved, Ok(Some(_))) {
                return self.allowed(ctx, draft, plan);
            }
            return self.refuse(ctx, draft, refusal, Some(request));
        }
        match self.memory.with(|store| approvals::spend(store, &digest, now_ms())) {
            Ok(Some(ticket)) => {
                plan.approval_id = Some(ticket);
                Station::Allowed(Box::new(plan))
            }
            Ok(None) => Station::Asks(Box::new(plan)),
            Err(error) => self.refuse(ctx, draft, error, None),
        }
    }

    fn refuse(&self, ctx: &Ctx, draft: Draft, error: Error, request: Option<Value>) -> Station {
        Station::Refused(Box::new(self.refused(ctx, &draft, error, request)))
    }

    fn refused(&self, ctx: &Ctx, draft: &Draft, error: Error, request: Option<Value>) -> Envelope {
        let mut row = draft.row(ctx);
        row.outcome = String::from("refused");
        row.code = Some(error.code.as_str().to_owned());
        self.finish_row(row, draft);
        let mut envelope = draft.envelope(Outcome::failed(error));
        envelope.meta.request = request;
        envelope
    }

    /// Answers a call that nobody could be asked about: leaves a ticket for exactly this request.
    pub fn leave_ticket(&self, ctx: &Ctx, plan: Plan) -> Envelope {
        let draft = Draft::of(&plan);
        let refusal = policy::refusal(&question(&plan), &plan.decision);
        let left = self.shown(&plan).and_then(|request| {
            let ttl = i64::try_from(self.config.number("approvals.ttl_seconds")).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
            let asked = Asked {
                function: plan.callable.name.to_string(),
                account: &plan.account,
                operation: plan.callable.function.operation.as_str(),
                arguments: &Value::Object(plan.arguments.object.clone()),
                files: &plan.files_value(),
                options: &plan.options.to_value(),
                digest: request["digest"].as_str().unwrap_or_default(),
                request: &request,
                origin: &ctx.origin.path(),
            };
            let id = self.memory.with(|store| approvals::leave(store, &asked, now_ms(), ttl))?;
            Ok((id, request))
        });
        let (error, ticket, request) = match left {
            Ok((id, request)) => (
                refusal.hint(format!("angelia approvals:approve {id}")).hint("Then make the same call again; it runs once"),
                Some(id),
                Some(request),
            ),
            Err(error) => (refusal.hint(format!("No ticket could be left: {error}")), None, None),
        };
        let mut row = draft.row(ctx);
        row.outcome = String::from("refused");
        row.code = Some(error.code.as_str().to_owned());
        row.approval_id.clone_from(&ticket);
        self.finish_row(row, &draft);
        let mut envelope = draft.envelope(Outcome::failed(error));
        envelope.meta.approval_id = ticket;
        envelope.meta.request = request;
        envelope
    }

    /// Answers a call that is not the one that was agreed to.
    pub fn withheld(&self, ctx: &Ctx, plan: &Plan, error: Error) -> Envelope {
        self.refused(ctx, &Draft::of(plan), error, None)
    }

    /// Answers a call that a person refused.
    pub fn declined(&self, ctx: &Ctx, plan: &Plan) -> Envelope {
        let error = Error::new(Code::PermissionDenied, format!("{} was not approved; nothing was sent", plan.callable.name));
        self.refused(ctx, &Draft::of(plan), error, None)
    }

    /// The exact request without secrets, and its digest.
    pub fn shown(&self, plan: &Plan) -> Result<Value> {
        let provider = &plan.callable.provider;
        let settings = self.vault.settings(provider, &plan.account)?;
        let shown = |key: &str| {
            let field = provider.credentials.iter().find(|field| field.key == key)?;
            let has = || self.vault.source(&provider.id, &plan.account, key, &field.env, field.default.as_deref());
            if field.secret { has().map(|_| MASK.to_owned()) } else { settings.get(key).cloned() }
        };
        let mut request = self.executor(&plan.callable).preview(plan, &shown)?;
        let digest = plan.digest(&request);
        request["digest"] = Value::from(digest);
        Ok(request)
    }

    fn executor(&self, callable: &Callable) -> &dyn Executor {
        match &self.workflows {
            Some(workflows) if callable.function.is_script() => workflows.as_ref(),
            _ if callable.local => &self.native,
            _ => match &self.upstreams {
                Some(upstreams) if callable.function.mcp.is_some() => upstreams.executor(),
                _ => &self.http,
            },
        }
    }

    fn plan(&self, ctx: &Ctx, call: Call, draft: &mut Draft) -> Result<Plan> {
        let callable = self.catalog.function(&call.function)?;
        draft.function = callable.name.to_string();
        draft.operation = Some(callable.function.operation);
        let provider = &callable.provider;
        if !provider.cli_runtime_supported {
            return Err(unsupported(&provider.id));
        }
        let replayed = tape::replays(&callable, &call.options);
        if !replayed && !policy::enabled(&self.config, &provider.id, callable.local) {
            let line = format!("Integration '{}' is installed but not active: it is not enabled", provider.id);
            return Err(match provider.id.strip_prefix(UPSTREAMS) {
                Some(server) => Error::new(Code::Inactive, line).hint(format!("angelia mcp:enable {server}")),
                None => Error::new(Code::Inactive, line)
                    .hint(format!("angelia integrations:configure {} --enable", provider.id))
                    .hint(format!("angelia integrations:doctor {}", provider.id)),
            });
        }
        let fixed = ctx.reach.as_ref().and_then(|reach| reach.account(&provider.id));
        let wanted = call.account.as_deref().or(fixed).or(policy::account(&self.config, &provider.id)).unwrap_or(DEFAULT_ACCOUNT);
        let account = name::account(wanted)?;
        draft.account.clone_from(&account);
        if !replayed {
            self.check_account(&callable, &account)?;
        }
        let checked = args::check(&callable.function, callable.checker()?, call.arguments).map_err(|error| match error.code {
            Code::InvalidArguments | Code::InvalidPayload => error.hint(format!("angelia integrations:schema {}", draft.function)),
            _ => error,
        })?;
        draft.arguments = Some(Value::Object(checked.object.clone()));
        finish::check(&callable, &call.options)?;
        let server = self.server(&callable, &account, replayed)?;
        let question = Question {
            provider: &provider.id,
            function: &callable.function.id,
            operation: callable.function.operation,
            account: &account,
            local: callable.local,
        };
        let decision = ctx
            .reach
            .as_ref()
            .map_or_else(|| Ok(policy::decide(&self.config, &question)), |reach| reach.decide(&self.config, &question))?;
        let decision = if replayed { tape::decision() } else { decision };
        if question.operation > ctx.ceiling {
            return Err(above(&draft.function, question.operation, ctx.ceiling));
        }
        let forced = call.options.force || ctx.reach.as_ref().is_some_and(|reach| reach.force);
        let bypassed = forced && !replayed && policy::decide(&self.config, &question).rule != Rule::Allow;
        if forced && self.config.force() == ForceRule::Never {
            return Err(Error::new(Code::PermissionDenied, "--force is turned off (force = \"never\" in the settings)"));
        }
        let timeout = call.options.timeout_seconds.unwrap_or(self.config.number("http.timeout_seconds") as f64);
        let plan = Plan {
            call_id: draft.call_id.clone(),
            allow_private: policy::allows_private(&self.config, &provider.id),
            arguments: checked,
            options: call.options,
            approval_id: None,
            timeout: Duration::try_from_secs_f64(timeout).unwrap_or(Duration::from_secs(60)),
            account,
            decision,
            bypassed,
            server,
            callable,
        };
        self.settled(ctx, plan)
    }

    /// What only the executor knows of a plan.
    fn settled(&self, ctx: &Ctx, mut plan: Plan) -> Result<Plan> {
        let executor = self.executor(&plan.callable);
        executor.check(&plan)?;
        if let (Rule::Allow, Some(because)) = (plan.decision.rule, executor.asks(ctx, &plan)) {
            plan.decision = Decision { rule: Rule::Ask, because };
        }
        Ok(plan)
    }

    /// Aliases of a provider's accounts that are known from credentials or settings.
    pub fn accounts(&self, provider: &str) -> Vec<String> {
        let (user, project) = self.config.integration(provider);
        let named = [user, project].into_iter().flatten().flat_map(|rules| rules.accounts.keys().cloned());
        let mut all: Vec<String> = self.vault.accounts(provider).into_iter().chain(named).collect();
        all.sort();
        all.dedup();
        all
    }

    fn check_account(&self, callable: &Callable, account: &str) -> Result<()> {
        let provider = &callable.provider;
        let (user, project) = self.config.integration(&provider.id);
        let named = [user, project].into_iter().flatten().any(|rules| rules.accounts.contains_key(account));
        self.vault.check_account(provider, account, named)?;
        let missing: Vec<&str> = self.vault.missing(provider, account).iter().map(|field| field.key.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let of = if account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {account}") };
        let set: String = missing.iter().map(|key| format!(" --set {key}=…")).collect();
        let connect = provider.oauth.as_ref().map(|_| format!("angelia integrations:connect {}{of}", provider.id));
        Err(Error::new(
            Code::MissingCredentials,
            format!("Integration '{}' is missing required credentials for account '{account}': {}", provider.id, missing.join(", ")),
        )
        .hints(connect)
        .hint(format!("angelia integrations:fields {}{of}", provider.id))
        .hint(format!("angelia integrations:configure {}{of}{set}", provider.id)))
    }

    /// The base URL of the function's server for an account.
    fn server(&self, callable: &Callable, account: &str, replayed: bool) -> Result<Option<String>> {
        if callable.local || callable.function.mcp.is_some() {
            return Ok(None);
        }
        let provider = &callable.provider;
        let which = callable.function.server.as_deref().unwrap_or("default");
        let wrong = |url: &str, why: String| {
            Error::new(Code::InvalidArguments, format!("The base URL '{url}' of integration '{}' {why}", provider.id))
        };
        if let Some(set) = policy::server(&self.config, &provider.id, which) {
            return base_url(&auth::marked(provider, set)).map(Some).map_err(|why| wrong(set, why));
        }
        let template = auth::marked(provider, provider.servers.get(which).and_then(Value::as_str).unwrap_or_default());
        let mut url = template.clone();
        if url.contains('{') {
            for (key, value) in self.vault.settings(provider, account)? {
                address::fits(&template, &key, &value)
                    .map_err(|why| wrong(&template, format!("cannot be filled in: the value of '{key}' {why}")))?;
                url = url.replace(&format!("{{{key}}}"), &value);
            }
        }
        if replayed {
            url = tape::stand_in(&url);
        }
        base_url(&url).map(Some).map_err(|why| wrong(&url, why))
    }

    /// Carries out a plan that may be carried out.
    pub async fn perform(&self, ctx: &Ctx, plan: Plan) -> Envelope {
        let draft = Draft::of(&plan);
        let provider = plan.callable.provider.clone();
        let (force, approval, timeout) = (plan.bypassed, plan.approval_id.clone(), plan.timeout);
        let (credentials, account) = match self.unlock(ctx, &plan).await {
            Ok(unlocked) => unlocked,
            Err(error) => {
                if let Some(id) = &approval {
                    drop(self.memory.with(|store| store.unspend_ticket(id)));
                }
                return self.refused(ctx, &draft, error, None);
            }
        };
        let scrubber = auth::scrubber(&provider, &credentials);
        let mut row = draft.row(ctx);
        row.force = force;
        row.approval_id.clone_from(&approval);
        audit::arguments(&mut row, &plan.shown_arguments(), &scrubber);
        if plan.callable.function.operation != Operation::Read && !plan.callable.local {
            row.deadline_ms = Some(draft.time_ms.saturating_add(timeout.as_millis() as i64).saturating_add(60_000));
            self.record(&row);
        }
        let executor = self.executor(&plan.callable);
        let ready = Ready { plan, credentials, scrubber, account };
        let mut outcome = executor.execute(ctx, &ready).await;
        let scrubber = outcome.scrubber.take().unwrap_or_else(|| ready.scrubber.clone());
        scrubber.scrub_value(&mut outcome.data);
        let sent = outcome.attempts > 0 || outcome.replayed || ready.plan.callable.local;
        if let Some(id) = approval.as_ref().filter(|_| !sent) {
            // Nothing went out: the word that was given still holds.
            drop(self.memory.with(|store| store.unspend_ticket(id)));
        }
        row.outcome = audit::outcome(outcome.error.as_ref(), outcome.effect_unknown, sent).to_owned();
        row.code = outcome.error.as_ref().map(|error| error.code.as_str().to_owned());
        row.http_status = outcome.http_status;
        row.attempts = outcome.attempts;
        row.duration_ms = Some(draft.milliseconds());
        row.deadline_ms = None;
        self.record(&row);
        finish::finish(&ready.plan, ctx.items.is_some(), &mut outcome).await;
        let mut envelope = draft.envelope(outcome);
        envelope.meta.permission_bypassed = force;
        envelope.meta.approval_id = approval;
        envelope.scrub(&scrubber);
        envelope.meta.warnings.iter().for_each(|warning| (self.notes)(warning));
        envelope
    }

    fn finish_row(&self, mut row: CallRow, draft: &Draft) {
        if let Some(arguments) = &draft.arguments {
            audit::arguments(&mut row, arguments, &Scrubber::default());
        }
        row.duration_ms = Some(draft.milliseconds());
        self.record(&row);
    }

    fn record(&self, row: &CallRow) {
        let keep = i64::try_from(self.config.number("audit.keep_days")).unwrap_or(0);
        let now = now_ms();
        let done = self.memory.with(|store| {
            if keep > 0 && fastrand::u8(..) == 0 {
                store.forget_calls(now.saturating_sub(keep.saturating_mul(86_400_000)))?;
            }
            store.put_call(row)
        });
        if let Err(error) = done {
            (self.notes)(&format!("This call is not in the audit log: {error}"));
        }
    }
}

fn unsupported(provider: &str) -> Error {
    let line = format!("Integration '{provider}' is discoverable but is not supported by the local CLI runtime yet.");
    Error::new(Code::UnsupportedRuntime, line).hint(format!("angelia integrations:doctor {provider}"))
}

fn above(function: &str, operation: Operation, ceiling: Operation) -> Error {
    let (wanted, most) = (operation.as_str(), ceiling.as_str());
    Error::new(Code::PermissionDenied, format!("{function} is a {wanted}, but whoever calls it may only {most}"))
        .hint(format!("A workflow that does more says so in its header: operation: {wanted}"))
}

fn question(plan: &Plan) -> Question<'_> {
    Question {
        provider: &plan.callable.provider.id,
        function: &plan.callable.function.id,
        operation: plan.callable.function.operation,
        account: &plan.account,
        local: plan.callable.local,
    }
}
