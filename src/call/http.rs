//! A manifest's operation over HTTP: build, send, retry, follow pages, read. No provider has code here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use crate::access::auth::{self, At};
use crate::access::vault::Credentials;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::json::path_mut;
use crate::base::name::DEFAULT_ACCOUNT;
use crate::base::secret::Scrubber;
use crate::call::body::{self, Built};
use crate::call::exchange::{Recorder, Replayer};
use crate::call::executor::{BoxFuture, Executor, ListOutcome, Outcome, Ready};
use crate::call::gather::{Gathered, handed_on};
use crate::call::pace::Pace;
use crate::call::page::{Next, Pager, REPEATED_PAGE};
use crate::call::plan::Plan;
use crate::call::request::{Ctx, Progress};
use crate::call::response::{self, Read};
use crate::call::retry;
use crate::call::wire::{Reply, wire_body};
use crate::net::header::{HeaderMap, HeaderName, HeaderValue};
use crate::net::{Failure, FailureKind, Limits, Net, Request};
use crate::registry::function::{Operation, ResponseForm};
use crate::registry::jq::Program;
use crate::registry::manifest::Pagination;

/// How requests are made, from the settings.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    pub connect_timeout: Duration,
    pub retries: u32,
    pub max_wait: Duration,
    pub max_response_bytes: u64,
}

/// The executor of HTTP functions.
pub struct Http {
    pub net: Arc<Net>,
    pub settings: HttpSettings,
    pub pace: Pace,
}

/// One call on its way.
pub struct Run<'a> {
    pub(crate) http: &'a Http,
    pub(crate) ctx: &'a Ctx,
    pub(crate) ready: &'a Ready,
    /// Those of `ready`, or newer ones.
    pub(crate) credentials: Credentials,
    pub(crate) scrubber: Scrubber,
    /// The token was had anew, and no answer came with it yet: that is done once.
    pub(crate) renewed: bool,
    pub(crate) limits: Limits,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) replayer: Option<Arc<Replayer>>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) effect_unknown: bool,
    pub(crate) last_status: Option<u16>,
}

impl Executor for Http {
    fn check(&self, plan: &Plan) -> Result<()> {
        let base = plan.server.as_deref().unwrap_or_default();
        body::build(&plan.callable.provider, &plan.callable.function, base, &plan.arguments).map(drop)
    }

    fn preview(&self, plan: &Plan, shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        let mut arguments = plan.arguments.clone();
        if let Some(pagination) = listing(plan) {
            Pager::new(pagination, &plan.callable.function.parameters).start(&mut arguments.object, plan.options.max_items);
        }
        let base = plan.server.as_deref().unwrap_or_default();
        let built = body::build(&plan.callable.provider, &plan.callable.function, base, &arguments)?;
        Ok(body::preview(&built, &auth::preview(At::of(&plan.callable.provider, &plan.callable.function), shown)))
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let options = &ready.plan.options;
            let recorder = match options.record.as_deref().map(Recorder::open).transpose() {
                Ok(recorder) => recorder,
                Err(error) => return Outcome::failed(error),
            };
            let function = &ready.plan.callable.function;
            let keyed = function.operation != Operation::Read && ready.plan.callable.provider.idempotency_header.is_some();
            let limits = Limits {
                deadline: Instant::now() + ready.plan.timeout,
                connect_timeout: self.settings.connect_timeout,
                allow_private: ready.plan.allow_private,
            };
            let mut run = Run {
                http: self,
                ctx,
                ready,
                credentials: ready.credentials.clone(),
                scrubber: ready.scrubber.clone(),
                renewed: false,
                limits,
                recorder,
                replayer: options.replay.clone(),
                idempotency_key: keyed.then(|| uuid::Uuid::new_v4().to_string()),
                attempts: 0,
                effect_unknown: false,
                last_status: None,
            };
            let mut outcome = run.all().await;
            outcome.attempts = run.attempts;
            outcome.effect_unknown = run.effect_unknown;
            let refused = outcome.error.as_ref().and_then(|error| error.http_status);
            outcome.http_status = outcome.http_status.or(run.last_status).or(refused);
            outcome.replayed = run.replayer.is_some();
            outcome.warnings.extend(run.credentials.unkept.take());
            outcome.scrubber = ready.account.is_some().then(|| run.scrubber.clone());
            run.keep_recording(&mut outcome);
            outcome
        })
    }
}

fn listing(plan: &Plan) -> Option<Pagination> {
    plan.options.all.then(|| plan.callable.function.pagination(&plan.callable.provider)).flatten()
}

impl Run<'_> {
    async fn all(&mut self) -> Outcome {
        let plan = &self.ready.plan;
        let function = &plan.callable.function;
        if function.response == ResponseForm::Binary {
            return match self.download().await {
                Ok(data) => Outcome { data, ..Outcome::default() },
                Err(error) => Outcome::failed(error),
            };
        }
        match function.pagination(&plan.callable.provider) {
            Some(pagination) => self.list(pagination).await,
            None => match self.single().await {
                Ok(data) => Outcome { data, ..Outcome::default() },
                Err(error) => Outcome::failed(error),
            },
        }
    }

    async fn single(&mut self) -> Result<Value> {
        let built = self.built(&self.ready.plan.arguments.object, None)?;
        let (value, _) = self.page(&built).await?;
        self.shape(value)
    }

    pub(crate) fn built(&self, arguments: &Map<String, Value>, url: Option<&Url>) -> Result<Built> {
        let plan = &self.ready.plan;
        let mut checked = plan.arguments.clone();
        checked.object = arguments.clone();
        let base = plan.server.as_deref().unwrap_or_default();
        let mut built = body::build(&plan.callable.provider, &plan.callable.function, base, &checked)?;
        if let Some(url) = url {
            built.url = url.clone();
        }
        Ok(built)
    }

    /// Reads pages until the list ends or a limit is met; what was read is never thrown away.
    async fn list(&mut self, pagination: Pagination) -> Outcome {
        let options = &self.ready.plan.options;
        let mut pager = Pager::new(pagination.clone(), &self.ready.plan.callable.function.parameters);
        let mut arguments = self.ready.plan.arguments.object.clone();
        let mut list = ListOutcome::default();
        let mut gathered = Gathered::default();
        if options.all {
            pager.start(&mut arguments, options.max_items);
        }
        let mut url: Option<Url> = None;
        loop {
            let page = match self.built(&arguments, url.as_ref()) {
                Ok(built) => self.page(&built).await.map(|(value, link)| (value, link, built.url)),
                Err(error) => Err(error),
            };
            let (mut value, link, at) = match page {
                Ok(page) => page,
                Err(error) => {
                    list.stopped_by = Some(if error.code == Code::Cancelled { "cancelled" } else { "error" });
                    let data = if list.pages == 0 { Value::Null } else { self.finish(&pagination, gathered).unwrap_or_default() };
                    return Outcome { data, list: (list.pages > 0).then_some(list), error: Some(error), ..Outcome::default() };
                }
            };
            let next = pager.next(&arguments, &value, link.as_deref(), &at);
            list.pages += 1;
            let room = options.max_items.map_or(u64::MAX, |most| most.saturating_sub(list.items));
            let (taken, cut) = match self.take(&pagination, &mut value, room) {
                // What is there already is not given twice.
                Ok(_) if next == Next::Stop(REPEATED_PAGE) => (Vec::new(), false),
                Ok(taken) => taken,
                Err(error) => {
                    return Outcome { list: Some(list), error: Some(error), ..Outcome::default() };
                }
            };
            list.items += taken.len() as u64;
            gathered.add(taken, value, self.ctx, &self.scrubber);
            self.ctx.tell(Progress::Page { pages: list.pages, items: list.items });
            let left = handed_on(self.ctx).await;
            let full = options.max_items.is_some_and(|most| list.items >= most);
            match next {
                Next::End if !cut => list.complete = true,
                _ if cut || full => list.stopped_by = Some("max_items"),
                Next::End => {}
                Next::Stop(why) => list.stopped_by = Some(why),
                _ if left => list.stopped_by = Some("listener"),
                _ if !options.all => list.stopped_by = Some("one_page"),
                _ if options.max_pages.is_some_and(|most| list.pages >= most) => list.stopped_by = Some("max_pages"),
                _ if gathered.bytes > self.http.settings.max_response_bytes => list.stopped_by = Some("max_bytes"),
                Next::Argument(name, argument) => {
                    arguments.insert(name, argument);
                    continue;
                }
                Next::Url(target) => {
                    url = Some(*target);
                    continue;
                }
            }
            return match self.finish(&pagination, gathered) {
                Ok(data) => Outcome { data, list: Some(list), ..Outcome::default() },
                Err(error) => Outcome { list: Some(list), error: Some(error), ..Outcome::default() },
            };
        }
    }

    /// Takes the items out of a page, at most `room` of them; says whether some were left out.
    fn take(&self, pagination: &Pagination, page: &mut Value, room: u64) -> Result<(Vec<Value>, bool)> {
        let mut items = match path_mut(page, &pagination.items) {
            Some(Value::Array(items)) => std::mem::take(items),
            _ => return Ok((Vec::new(), false)),
        };
        let cut = items.len() as u64 > room;
        items.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        if let Some(program) = &self.ready.plan.callable.function.item {
            let program = Program::compile(program).map_err(unshaped)?;
            items = items.iter().map(|item| program.one(item)).collect::<Result<_, _>>().map_err(unshaped)?;
        }
        Ok((items, cut))
    }

    fn finish(&self, pagination: &Pagination, gathered: Gathered) -> Result<Value> {
        let mut page = gathered.last;
        if let Some(place @ Value::Array(_)) = path_mut(&mut page, &pagination.items) {
            *place = Value::Array(gathered.items);
        }
        self.shape(page)
    }

    fn shape(&self, value: Value) -> Result<Value> {
        match &self.ready.plan.callable.function.shape {
            Some(program) => Program::compile(program).and_then(|program| program.one(&value)).map_err(unshaped),
            None => Ok(value),
        }
    }

    /// One answer as a value, and its Link header.
    async fn page(&mut self, built: &Built) -> Result<(Value, Option<String>)> {
        let (reply, body) = self.answer(built).await?;
        let plan = &self.ready.plan;
        let header = |name: &str| reply.header(name);
        let read = Read { status: reply.status(), header: &header, body: &body, now_ms: now_ms() };
        let value = response::value(&plan.callable.provider, &plan.callable.function, &read);
        value.map(|value| (value, reply.header("link"))).map_err(|error| self.with_source(error)).map_err(|error| self.after_write(error))
    }

    /// Sends until there is an answer that needs no retry, and reads it.
    pub(crate) async fn answer(&mut self, built: &Built) -> Result<(Reply, Vec<u8>)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let may = self.may_retry() && tries <= self.http.settings.retries;
            self.hold().await?;
            let wait = match self.once(built).await {
                Ok((reply, body)) => {
                    self.heed(&reply, &body);
                    if self.may_renew(built, &reply, &body) && self.renew().await? {
                        continue;
                    }
                    let provider = &self.ready.plan.callable.provider;
                    let header = |name: &str| reply.header(name);
                    let read = Read { status: reply.status(), header: &header, body: &body, now_ms: now_ms() };
                    let again = retry::transient(reply.status()) || response::limited(provider, &read);
                    let wait = retry::asked(&provider.rate_limit, &header, now_ms()).unwrap_or_else(|| retry::pause(tries));
                    if !again || !may || !self.can_wait(wait) {
                        // A long listing may outlive several tokens.
                        self.renewed &= !(200..300).contains(&reply.status());
                        return Ok((reply, body));
                    }
                    wait
                }
                Err(failure) => self.wait_after(failure, may, tries)?,
            };
            self.pause(wait).await?;
        }
    }

    /// How long to wait after a failure before another try, or the error where there is none.
    pub(crate) fn wait_after(&mut self, failure: Failure, may: bool, tries: u32) -> Result<Duration> {
        let passing = matches!(failure.kind, FailureKind::Unreachable | FailureKind::Broken);
        let wait = retry::pause(tries);
        if passing && may && self.can_wait(wait) && !self.ctx.cancel.is_cancelled() { Ok(wait) } else { Err(self.lost(failure)) }
    }

    /// Waits before a request is sent; Ctrl-C ends the wait.
    pub(crate) async fn pause(&self, wait: Duration) -> Result<()> {
        self.ctx.tell(Progress::Waiting { seconds: wait.as_secs(), why: "the service asked to wait or did not answer" });
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.ctx.cancel.cancelled() => Err(Error::new(Code::Cancelled, "Interrupted while waiting to send")),
        }
    }

    pub(crate) fn may_retry(&self) -> bool {
        let function = &self.ready.plan.callable.function;
        function.operation == Operation::Read || function.idempotent || self.idempotency_key.is_some()
    }

    pub(crate) fn can_wait(&self, wait: Duration) -> bool {
        wait <= self.http.settings.max_wait && Instant::now() + wait < self.limits.deadline
    }

    /// One request and its whole answer.
    async fn once(&mut self, built: &Built) -> Result<(Reply, Vec<u8>), Failure> {
        let mut reply = self.send(built).await?;
        let body = match &mut reply {
            Reply::Recorded(answer) => std::mem::take(&mut answer.body),
            Reply::Live(answer) => {
                let reading = answer.bytes(&self.limits, self.http.settings.max_response_bytes);
                tokio::select! {
                    body = reading => body?,
                    () = self.ctx.cancel.cancelled() => return Err(cancelled()),
                }
            }
        };
        self.record(built, &reply, &body);
        Ok((reply, body))
    }

    pub(crate) async fn send(&mut self, built: &Built) -> Result<Reply, Failure> {
        if let Some(replayer) = self.replayer.clone() {
            let reply = self.replayed(&replayer, built)?;
            self.last_status = Some(reply.status());
            return Ok(reply);
        }
        let request = self.request(built)?;
        self.last_status = None;
        self.attempts += 1;
        let sent = tokio::select! {
            sent = self.http.net.send(request, &self.limits) => sent,
            () = self.ctx.cancel.cancelled() => Err(cancelled()),
        };
        let answer = sent.inspect_err(|failure| {
            if !failure.sent && failure.kind == FailureKind::Refused {
                self.attempts -= 1;
            }
        })?;
        self.last_status = Some(answer.status);
        Ok(Reply::Live(Box::new(answer)))
    }

    /// The request with credentials on it.
    pub(crate) fn request(&self, built: &Built) -> Result<Request, Failure> {
        let refuse = |message: String| Failure::new(FailureKind::Refused, message);
        let local = |error: Error| Failure::new(FailureKind::Local(error.code), error.message);
        let mut headers = HeaderMap::new();
        let key = self
            .ready
            .plan
            .callable
            .provider
            .idempotency_header
            .iter()
            .zip(&self.idempotency_key)
            .map(|(name, key)| (name.clone(), key.clone()));
        for (name, value) in built.headers.iter().cloned().chain(key) {
            let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
            let (Ok(name), Ok(value)) = parsed else {
                return Err(refuse(format!("the header '{name}' cannot be sent")));
            };
            headers.insert(name, value);
        }
        let mut url = built.url.clone();
        let plan = &self.ready.plan;
        let at = At::of(&plan.callable.provider, &plan.callable.function);
        let placed = auth::place(at, &self.credentials, &mut url, &mut headers).map_err(local)?;
        let method = built.method.parse().map_err(|_| refuse(format!("'{}' is no method", built.method)))?;
        let mut request = Request { method, url, headers, body: wire_body(&built.body), secret_headers: placed.headers };
        auth::sign(at, &self.credentials, &mut request, now_ms()).map_err(local)?;
        Ok(request)
    }

    /// A failure without an answer, in words and with a code.
    pub(crate) fn lost(&mut self, failure: Failure) -> Error {
        let title = &self.ready.plan.callable.provider.title;
        let write = self.ready.plan.callable.function.operation != Operation::Read;
        if self.ctx.cancel.is_cancelled() {
            self.effect_unknown = write && self.attempts > 0;
            let error = Error::new(Code::Cancelled, "Interrupted");
            return if self.effect_unknown { error.hint("The request had been sent; check whether it took effect") } else { error };
        }
        if write && self.attempts > 0 && failure.sent && !matches!(failure.kind, FailureKind::Redirect(_)) {
            self.effect_unknown = true;
            let error = Error::new(
                Code::OutcomeUnknown,
                format!("The request was sent to {title}, but its answer was lost ({}); it may have taken effect", failure.message),
            );
            let error = error.hint("Look at the service before sending it again");
            return match self.last_status {
                Some(status) => error.status(status),
                None => error,
            };
        }
        match failure.kind {
            FailureKind::Timeout => {
                Error::new(Code::Timeout, format!("{title} did not answer within {} seconds", self.ready.plan.timeout.as_secs_f64()))
                    .retryable()
                    .hint("--timeout SECONDS allows more")
            }
            FailureKind::TooLarge => Error::new(Code::InvalidResponse, format!("{title}: {}", failure.message))
                .hint("--output FILE writes downloads of any size; angelia config:set http.max_response_bytes allows more"),
            FailureKind::Redirect(status) => {
                let code = if write { Code::ProviderError } else { Code::InvalidResponse };
                Error::new(code, format!("{title}: {}", failure.message)).status(status)
            }
            FailureKind::Broken => match self.last_status {
                Some(status) => Error::new(Code::InvalidResponse, format!("{title}: {}", failure.message)).retryable().status(status),
                None => Error::new(Code::Unreachable, format!("{title} broke off the connection: {}", failure.message)).retryable(),
            },
            FailureKind::Unreachable => {
                Error::new(Code::Unreachable, format!("{title} cannot be reached: {}", failure.message)).retryable()
            }
            FailureKind::Local(code) => {
                let error = Error::new(code, format!("{title}: {}", failure.message));
                let plan = &self.ready.plan;
                let of = if plan.account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {}", plan.account) };
                let hint = format!("angelia integrations:fields {}{of}", plan.callable.provider.id);
                if code == Code::MissingCredentials { error.hint(hint) } else { error }
            }
            FailureKind::Refused => {
                let error = Error::new(Code::Unreachable, format!("{title}: {}", failure.message));
                if failure.message.contains("private address") {
                    error.hint(format!("angelia integrations:configure {} --allow-private", self.ready.plan.callable.provider.id))
                } else {
                    error
                }
            }
        }
    }

    /// A write whose answer came but cannot be used.
    fn after_write(&mut self, error: Error) -> Error {
        let write = self.ready.plan.callable.function.operation != Operation::Read;
        match error.http_status {
            Some(status) if write && error.code == Code::InvalidResponse && (200..300).contains(&status) => {
                self.effect_unknown = true;
                let mut unknown = Error { code: Code::OutcomeUnknown, ..error };
                unknown.message = format!("{}. The service answered {status}, so it very likely took effect", unknown.message);
                unknown
            }
            Some(502 | 504) if write => {
                self.effect_unknown = true;
                error.hint("A gateway answered; the request may have taken effect. Look at the service before sending it again")
            }
            _ => error,
        }
    }
}

/// Ctrl-C, as a failure.
pub(crate) fn cancelled() -> Failure {
    Failure::new(FailureKind::Broken, String::from("interrupted"))
}

fn unshaped(why: String) -> Error {
    Error::new(Code::InvalidResponse, format!("The answer does not have the expected shape: {why}"))
}
