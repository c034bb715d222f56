//! What a script has under way: calls, lists that are read page by page, and sleeps. Each has a ticket; waiting for one lets all of
//! them go on. Every call goes through `Runtime::call`; nothing else in this room executes a function.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::envelope::Envelope;
use crate::base::error::{Code, Error};
use crate::lua::driver::Driver;
use crate::lua::limits::Fence;
use crate::registry::function::Function;

/// How long calls may take to end after the run was stopped: a write that is on its way wants its answer recorded.
const GRACE: Duration = Duration::from_secs(2);

/// Names something that is under way.
pub type Ticket = u64;

/// How something that was under way ended.
pub enum Done {
    /// A call's answer.
    Call(Box<Envelope>),
    /// An item of a list; the list goes on.
    Item(Ticket, Box<Listing>, Value),
    /// A list is at its end.
    End(Box<Envelope>),
    /// A sleep is over.
    Slept,
    /// An upstream server was asked for its tools.
    Discovered(String, Box<Result<Vec<Function>, Error>>),
}

/// A list that is being read. Its future asks for the next page only when it is polled, and it is polled only when an item is wanted.
pub struct Listing {
    pub items: UnboundedReceiver<Value>,
    pub reading: LocalBoxFuture<'static, Envelope>,
    /// The first page was asked for.
    pub begun: bool,
}

impl Listing {
    /// The next item, or the end.
    async fn next(mut self: Box<Self>, list: Ticket) -> Done {
        self.begun = true;
        tokio::select! {
            biased;
            Some(item) = self.items.recv() => Done::Item(list, self, item),
            envelope = &mut self.reading => match self.items.try_recv() {
                // The last page came with the end.
                Ok(item) => {
                    self.reading = Box::pin(std::future::ready(envelope));
                    Done::Item(list, self, item)
                }
                Err(_) => Done::End(Box::new(envelope)),
            },
        }
    }

    /// Ends a list that nobody reads on, so that it is recorded.
    async fn close(self) -> Envelope {
        drop(self.items);
        self.reading.await
    }
}

/// Everything under way.
#[derive(Default)]
pub struct Calls {
    going: RefCell<FuturesUnordered<LocalBoxFuture<'static, (Ticket, Done)>>>,
    done: RefCell<HashMap<Ticket, Done>>,
    lists: RefCell<HashMap<Ticket, Box<Listing>>>,
    last: Cell<Ticket>,
}

impl Calls {
    fn ticket(&self) -> Ticket {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    /// Starts something.
    pub fn start(&self, work: LocalBoxFuture<'static, Done>) -> Ticket {
        let ticket = self.ticket();
        self.going.borrow().push(Box::pin(async move { (ticket, work.await) }));
        ticket
    }

    /// Puts something that is over already.
    pub fn put(&self, done: Done) -> Ticket {
        let ticket = self.ticket();
        self.done.borrow_mut().insert(ticket, done);
        ticket
    }

    /// Starts reading a list; the ticket names the list.
    pub fn list(&self, listing: Listing) -> Ticket {
        let ticket = self.ticket();
        self.lists.borrow_mut().insert(ticket, Box::new(listing));
        ticket
    }

    /// Asks a list for its next item; `None` when the list is not open (another coroutine asks it, or it ended).
    pub fn next(&self, list: Ticket) -> Option<Ticket> {
        let listing = self.lists.borrow_mut().remove(&list)?;
        Some(self.start(Box::pin(listing.next(list))))
    }

    /// Puts a list back after an item.
    pub fn put_back(&self, list: Ticket, listing: Box<Listing>) {
        self.lists.borrow_mut().insert(list, listing);
    }

    /// Waits until one of the tickets is done and answers which; an error when the run was stopped meanwhile.
    pub fn wait(&self, driver: &Driver, fence: &Fence, cancel: &CancellationToken, tickets: &[Ticket]) -> Option<Ticket> {
        let found = || tickets.iter().copied().find(|ticket| self.done.borrow().contains_key(ticket));
        if let Some(ticket) = found() {
            return Some(ticket);
        }
        let mut going = self.going.borrow_mut();
        fence.lasts();
        let found = fence.aside(|| {
            driver.block_on(async {
                loop {
                    tokio::select! {
                        biased;
                        over = going.next() => {
                            let (ticket, done) = over?;
                            self.done.borrow_mut().insert(ticket, done);
                            if tickets.contains(&ticket) {
                                return Some(ticket);
                            }
                        }
                        () = cancel.cancelled() => {
                            fence.trip(Error::new(Code::Cancelled, "Interrupted"));
                            break;
                        }
                        () = tokio::time::sleep_until(fence.deadline()) => {
                            if Instant::now() >= fence.deadline() {
                                fence.trip(fence.too_long());
                                break;
                            }
                        }
                    }
                }
                None
            })
        });
        if found.is_none() && fence.tripped().is_none() && !going.is_empty() {
            fence.trip(Error::internal("the event loop cannot be started"));
        }
        found
    }

    /// Takes what a ticket stands for.
    pub fn take(&self, ticket: Ticket) -> Option<Done> {
        self.done.borrow_mut().remove(&ticket)
    }

    /// Ends everything that nobody waits for any more, so that each call is recorded; answers what came of it.
    pub fn finish(&self, driver: &Driver, cancel: &CancellationToken) -> Vec<(Ticket, Envelope)> {
        // A list that was never read is no call.
        let lists: Vec<(Ticket, Box<Listing>)> = self.lists.borrow_mut().drain().filter(|(_, listing)| listing.begun).collect();
        let mut going = std::mem::take(&mut *self.going.borrow_mut());
        let mut over: Vec<(Ticket, Done)> = self.done.borrow_mut().drain().collect();
        if !lists.is_empty() || !going.is_empty() {
            driver.block_on(async {
                let done = tokio::time::timeout(GRACE, async {
                    for (list, listing) in lists {
                        over.push((list, Done::End(Box::new(listing.close().await))));
                    }
                    if !going.is_empty() {
                        cancel.cancel();
                    }
                    while let Some((ticket, done)) = going.next().await {
                        match done {
                            Done::Item(list, listing, _) => over.push((list, Done::End(Box::new(listing.close().await)))),
                            done => over.push((ticket, done)),
                        }
                    }
                });
                done.await.ok()
            });
        }
        over.into_iter()
            .filter_map(|(ticket, done)| match done {
                Done::Call(envelope) | Done::End(envelope) => Some((ticket, *envelope)),
                Done::Item(..) | Done::Slept | Done::Discovered(..) => None,
            })
            .collect()
    }
}
