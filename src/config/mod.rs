//! Where settings come from: folders, the environment, the user's file and a project's file.
//! Only this room reads the environment. It knows no other room: what a setting means is decided where it is used.

pub mod dirs;
pub mod edit;
pub mod env;
pub mod files;
pub mod layers;
