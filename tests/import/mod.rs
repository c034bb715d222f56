//! Descriptions of others become providers: every format, overlays, the index of described services. Loopback only.

mod described;
mod formats;
mod overlay;
