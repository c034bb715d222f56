//! Downloads: to a file without holding it in memory, or as base64 within the size limit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::base::clock::now_ms;
use crate::base::error::{Error, Result};
use crate::call::body::Built;
use crate::call::cases::Recorded;
use crate::call::finish;
use crate::call::http::Run;
use crate::call::lost::cancelled;
use crate::call::request::Progress;
use crate::call::response::{self, Read};
use crate::call::retry;
use crate::call::sink::Sink;
use crate::call::wire::Reply;

impl Run<'_> {
    /// A download: to a file without holding it in memory, or as base64 within the size limit.
    pub async fn download(&mut self) -> Result<Value> {
        let built = self.built(&self.ready.plan.arguments.object, None)?;
        let Some(path) = self.ready.plan.options.output.clone() else {
            let (reply, body) = self.whole(&built).await?;
            return Ok(json!({"content_type": reply.header("content-type"), "size": body.len(), "base64": STANDARD.encode(&body)}));
        };
        // What forbids the file is best known before anything is sent.
        let mut sink = Sink::open(&path)?;
        let kind = if self.recorder.is_some() {
            // What is recorded has to be read whole.
            let (reply, body) = self.whole(&built).await?;
            sink.write(&body).map_err(|error| self.unkept(error))?;
            reply.header("content-type")
        } else {
            let reply = self.begin(&built).await?;
            let kind = reply.header("content-type");
            self.save(reply, &mut sink).await?;
            kind
        };
        let size = sink.keep(&path, self.ready.plan.options.overwrite).map_err(|error| self.unkept(error))?;
        Ok(json!({"path": path.display().to_string(), "size": size, "content_type": kind}))
    }

    /// A successful answer with its body.
    async fn whole(&mut self, built: &Built) -> Result<(Reply, Vec<u8>)> {
        let (reply, body) = self.answer(built).await?;
        if (200..300).contains(&reply.status()) { Ok((reply, body)) } else { Err(self.refused(&reply, &body)) }
    }

    /// A successful answer whose body is still to be read; tried again as any other read.
    async fn begin(&mut self, built: &Built) -> Result<Reply> {
        let mut tries = 0;
        loop {
            tries += 1;
            let may = self.may_retry() && tries <= self.http.settings.retries;
            self.hold().await?;
            let wait = match self.send(built).await {
                Ok(reply) if (200..300).contains(&reply.status()) && self.may_say_expired(built, &reply) => {
                    let (reply, body) = self.drain(reply).await?;
                    if self.may_renew(built, &reply, &body) && self.renew().await? {
                        continue;
                    }
                    self.heed(&reply, &body);
                    return Ok(read(&reply, body));
                }
                Ok(reply) if (200..300).contains(&reply.status()) => {
                    self.heed(&reply, &[]);
                    return Ok(reply);
                }
                Ok(reply) if self.may_renew(built, &reply, &[]) && self.renew().await? => continue,
                Ok(reply) => {
                    self.heed(&reply, &[]);
                    let limit = &self.ready.plan.callable.provider.rate_limit;
                    let wait = retry::asked(limit, &|name| reply.header(name), now_ms()).unwrap_or_else(|| retry::pause(tries));
                    if !may || !retry::transient(reply.status()) || !self.can_wait(wait) {
                        let (reply, body) = self.drain(reply).await?;
                        self.heed(&reply, &body);
                        return Err(self.refused(&reply, &body));
                    }
                    wait
                }
                Err(failure) => self.wait_after(failure, may, tries)?,
            };
            self.pause(wait).await?;
        }
    }

    async fn drain(&mut self, mut reply: Reply) -> Result<(Reply, Vec<u8>)> {
        let body = match &mut reply {
            Reply::Recorded(answer) => std::mem::take(&mut answer.body),
            Reply::Live(answer) => match answer.bytes(&self.limits, self.http.settings.max_response_bytes).await {
                Ok(body) => body,
                Err(failure) => return Err(self.lost(failure)),
            },
        };
        Ok((reply, body))
    }

    fn refused(&mut self, reply: &Reply, body: &[u8]) -> Error {
        let header = |name: &str| reply.header(name);
        let read = Read { status: reply.status(), header: &header, body, now_ms: now_ms(), account: &self.ready.plan.account };
        let plan = &self.ready.plan;
        let refused = response::value(&plan.callable.provider, &plan.callable.function, &read).err();
        let error = self.with_source(refused.unwrap_or_else(|| Error::internal("an answer was taken for a refusal")));
        self.after_write(error)
    }

    /// A download that came and cannot be written.
    fn unkept(&self, error: Error) -> Error {
        let message = format!("{}. The service had answered with success", error.message);
        finish::sent(self.ready.plan.callable.function.operation, Error { message, ..error })
    }

    async fn save(&mut self, reply: Reply, sink: &mut Sink) -> Result<()> {
        match reply {
            Reply::Recorded(answer) => sink.write(&answer.body).map_err(|error| self.unkept(error))?,
            Reply::Live(mut answer) => {
                let total = answer.header("content-length").and_then(|length| length.parse().ok());
                loop {
                    let chunk = tokio::select! {
                        chunk = answer.chunk(&self.limits) => chunk,
                        () = self.ctx.cancel.cancelled() => Err(cancelled()),
                    };
                    match chunk {
                        Ok(Some(chunk)) => sink.write(&chunk).map_err(|error| self.unkept(error))?,
                        Ok(None) => break,
                        Err(failure) => return Err(self.lost(failure)),
                    }
                    self.ctx.tell(Progress::Bytes { done: sink.bytes, total });
                }
            }
        }
        Ok(())
    }
}

/// An answer whose body was read already.
fn read(reply: &Reply, body: Vec<u8>) -> Reply {
    let headers = reply.header("content-type").map(|kind| (String::from("content-type"), kind));
    Reply::Recorded(Recorded { status: reply.status(), headers: headers.into_iter().collect(), body })
}
