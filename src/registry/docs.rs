//! Pages about providers and functions.
