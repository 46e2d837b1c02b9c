//! Strict stand-ins for the services a job delivers to: each refuses what the real one refuses, misbehaves as it is
//! told, and keeps what it took.
//!
//! ```ignore
//! let tokens = Tokens::default();
//! let entra = Server::start(Entra::new("contoso", "crannog", Proof::Secret("s3cret".into()), &tokens));
//! let logs = Server::start(LogsIngestion::new("dcr-00aa", "Custom-Findings", &tokens));
//! logs.behave([Fault::StatusRetryAfter(429, 1), Fault::CutAfterAccept]);
//! // ... run the program against `entra.url()` and `logs.url()` ...
//! assert_eq!(logs.refused(), [""; 0]);
//! assert_eq!(logs.violations(), []);
//! assert_eq!(logs.answered_twice("FindingId"), [""; 0]);
//! ```

mod call;
mod columns;
mod conversation;
mod data_collector;
mod entra;
mod fault;
mod log;
mod logs_ingestion;
mod server;
mod signature;
mod webhook;

pub use data_collector::DataCollector;
pub use entra::{Entra, Proof, Tokens};
pub use fault::Fault;
pub use log::Verdict;
pub use logs_ingestion::LogsIngestion;
pub use server::Server;
pub use webhook::{Shape, Webhook};
