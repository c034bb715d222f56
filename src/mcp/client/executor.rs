//! Calls of upstream tools as the call layer makes them: what is checked before, the request and its second attempt, what a lost answer
//! means. Connections are the hub's business.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::call::executor::{BoxFuture, Executor, Outcome, Ready, Upstreams};
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::mcp::client::ask::Ask;
use crate::mcp::client::connect::scrubbed;
use crate::mcp::client::failure::Failure;
use crate::mcp::client::hub::Hub;
use crate::mcp::client::result;
use crate::mcp::client::session::Session;
use crate::mcp::entry::{Entry, Transport};
use crate::registry::function::{Function, Operation, Upstream};
use crate::registry::manifest::Provider;

impl Hub {
    async fn carry_out(&self, ctx: &Ctx, plan: &Plan) -> Result<Value, Failure> {
        let upstream = upstream(plan).map_err(Failure::before)?;
        let entry = self.servers().and_then(|servers| servers.find(&upstream.server).cloned()).map_err(Failure::before)?;
        let trust = self.admit(&entry).map_err(Failure::before)?;
        if let Some(tool) = &upstream.tool {
            self.quarantine(&trust, &entry, tool).map_err(Failure::before)?;
        }
        let ask = Ask::of(upstream, &plan.arguments.object).map_err(Failure::before)?;
        let until = Instant::now() + plan.timeout;
        let read = plan.callable.function.operation == Operation::Read;
        let mut renew = false;
        for attempt in 0.. {
            let started = tokio::select! {
                started = self.session(&entry, until, renew) => started,
                () = ctx.cancel.cancelled() => return Err(Failure::before(Error::new(Code::Cancelled, "Interrupted"))),
            };
            let (session, fresh) = match started {
                // The tokens are renewed on the way, once.
                Err(failure)
                    if failure.challenge.is_some()
                        && !renew
                        && self.means().tokens(&entry, None).read().is_ok_and(|tokens| tokens.is_some()) =>
                {
                    renew = true;
                    continue;
                }
                started => started?,
            };
            match request(&session, &ask, ctx, until).await {
                Ok(answer) => {
                    self.succeeded(&entry, &session).await;
                    return Ok(answer);
                }
                Err(failure) => {
                    let again = attempt == 0 && failure.broken && (read || !failure.sent) && (!fresh || failure.challenge.is_some());
                    self.failed(&entry, &session, &failure);
                    if !again {
                        return Err(Failure { error: scrubbed(&session.scrubber(), failure.error), ..failure });
                    }
                    renew = failure.challenge.is_some();
                }
            }
        }
        Err(Failure::before(Error::internal("a call without an end")))
    }
}

async fn request(session: &Session, ask: &Ask, ctx: &Ctx, until: Instant) -> Result<Value, Failure> {
    let Some(what) = ask.listed() else {
        let answer = session.ask(ask.clone(), ctx, until).await?;
        let mut data =
            if matches!(ask, Ask::Tool(_)) { result::of_tool(&session.shared.server, answer).map_err(Failure::after)? } else { answer };
        session.scrubber().scrub_value(&mut data);
        return Ok(data);
    };
    let mut data = json!({what: session.list(what, ctx, until).await?});
    if what == "resources" {
        // Not every server has templates.
        if let Ok(templates) = session.list("resourceTemplates", ctx, until).await {
            data["resourceTemplates"] = templates.into();
        }
    }
    session.scrubber().scrub_value(&mut data);
    Ok(data)
}

fn upstream(plan: &Plan) -> Result<&Upstream> {
    plan.callable.function.mcp.as_ref().ok_or_else(|| Error::internal("not a function of an MCP server"))
}

impl Executor for Hub {
    fn check(&self, plan: &Plan) -> Result<()> {
        let upstream = upstream(plan)?;
        if plan.options.record.is_some() || plan.options.replay.is_some() {
            let said = format!("{} is a tool of an MCP server, whose answers cannot be recorded or replayed", plan.callable.name);
            return Err(Error::usage(said));
        }
        Ask::of(upstream, &plan.arguments.object)?;
        let servers = self.servers()?;
        let entry = servers.find(&upstream.server)?;
        let trust = self.admit(entry)?;
        upstream.tool.as_ref().map_or(Ok(()), |tool| self.quarantine(&trust, entry, tool))
    }

    fn preview(&self, plan: &Plan, _shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        let upstream = upstream(plan)?;
        let servers = self.servers()?;
        let entry = servers.find(&upstream.server)?;
        let transport = match &entry.transport {
            Transport::Stdio { .. } => "stdio",
            Transport::Http { .. } => "http",
        };
        let arguments = &plan.arguments.object;
        let (method, params) = match &upstream.tool {
            Some(tool) => ("tools/call", json!({"name": tool, "arguments": arguments})),
            None => (upstream.method.as_deref().unwrap_or_default(), json!(arguments)),
        };
        Ok(json!({"server": entry.name, "transport": transport, "entry": entry.fingerprint(), "method": method, "params": params}))
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.carry_out(ctx, &ready.plan).await {
                Ok(data) => Outcome { data, attempts: 1, ..Outcome::default() },
                Err(failure) => lost(&ready.plan, failure),
            }
        })
    }
}

/// A failed call; of a write whose answer was lost nobody knows what it did.
fn lost(plan: &Plan, failure: Failure) -> Outcome {
    let write = plan.callable.function.operation != Operation::Read;
    let unanswered = failure.broken || matches!(failure.error.code, Code::Timeout | Code::Cancelled);
    let effect_unknown = write && failure.sent && unanswered;
    let mut error = failure.error;
    if effect_unknown && error.code != Code::Cancelled {
        error.message = format!("The request was sent, but its answer was lost ({}); it may have taken effect", error.message);
        error.code = Code::OutcomeUnknown;
        error.retryable = false;
    }
    if effect_unknown {
        error.hints.push(String::from("Look at the server before sending it again"));
    }
    let http_status = error.http_status;
    Outcome { attempts: u32::from(failure.sent), http_status, effect_unknown, ..Outcome::failed(error) }
}

impl Upstreams for Hub {
    fn executor(&self) -> &dyn Executor {
        self
    }

    fn unmet(&self) -> Vec<String> {
        let entries = self.servers().map(|servers| servers.entries).unwrap_or_default();
        let unmet = entries.iter().filter(|entry| self.admit(entry).is_ok() && self.known(entry).is_none());
        unmet.map(Entry::provider).collect()
    }

    fn discover<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<(Arc<Provider>, Vec<Function>)>> {
        Box::pin(async move {
            let servers = self.servers()?;
            let Some(entry) = servers.entries.iter().find(|entry| entry.provider() == provider) else {
                return Err(
                    Error::new(Code::UnknownProvider, format!("There is no MCP server '{}'", printable(provider))).hint("angelia mcp:list")
                );
            };
            self.admit(entry)?;
            let until = Instant::now() + Duration::from_secs(self.means().config.number("http.timeout_seconds"));
            let mut renew = false;
            loop {
                match self.session(entry, until, renew).await {
                    Ok((session, _)) => return self.refresh(entry, &session, until).await,
                    Err(failure) if failure.challenge.is_some() && !renew && self.means().tokens(entry, None).read()?.is_some() => {
                        renew = true
                    }
                    Err(failure) => return Err(failure.error),
                }
            }
        })
    }
}
