//! The door over HTTP, from outside: who is let in, what is refused and how, and what a client can make the server do at most.

mod door;
mod guarding;
mod sessions;
mod stopping;
