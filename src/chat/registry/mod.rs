//! What the Registry decides: who may be there, under which name and account.

mod connections;

pub use self::connections::{Connections, Woken};
