//! Large answers as handles: what is kept and what is handed over in its place, and how a kept result is read on, by function and by command.

mod kept;
pub mod read;
