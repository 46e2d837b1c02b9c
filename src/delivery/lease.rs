//! One call at a time sends: two would send the same chunk.
//!
//! An object beside the outbox says who does, and is written again as long as the work goes on. Whoever does not write it for
//! half a minute was killed, by the clock of whoever waits; of a process of this machine that is seen at once.

use std::sync::Arc;
use std::time::Duration;

use deltalake::DeltaTable;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::error::DeliveryError;

/// Readers of Delta tables, and those who clean them up, leave what begins with `_` alone.
const LEASE: &str = "_send.lease";
/// How often it is written.
const BEAT: Duration = Duration::from_secs(5);
/// After this time without its being written whoever held it was killed.
const SILENCE: Duration = Duration::from_secs(30);
/// How often those who wait look.
const LOOK: Duration = Duration::from_millis(200);

/// Held until it is ended.
pub(super) struct Lease {
    store: Arc<dyn ObjectStore>,
    beat: JoinHandle<()>,
}

impl Lease {
    /// Waits for it until `deadline`.
    pub async fn take(table: &DeltaTable, deadline: Instant) -> Result<Self, DeliveryError> {
        let store = table.log_store().object_store(None);
        let me = whoami();
        let mut seen: Option<(String, Instant)> = None;
        loop {
            let put = PutOptions::from(PutMode::Create);
            let put = store
                .put_opts(&Path::from(LEASE), me.clone().into(), put)
                .await;
            match put {
                Ok(_) => return Ok(Self::held(store, me)),
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(deltalake::DeltaTableError::from(error).into()),
            }
            let now = stamp(store.as_ref()).await;
            match (&seen, now) {
                (_, None) => continue, // it is free
                (Some((before, since)), Some(now)) if *before == now => {
                    let is_dead = since.elapsed() > SILENCE || is_gone(&now);
                    // Another one who waits may have taken it over a moment ago.
                    if is_dead && stamp(store.as_ref()).await.as_ref() == Some(&now) {
                        let _ = store.delete(&Path::from(LEASE)).await;
                        seen = None;
                        continue;
                    }
                }
                (_, Some(now)) => seen = Some((now, Instant::now())),
            }
            if Instant::now() > deadline {
                return Err(DeliveryError::Held);
            }
            sleep(LOOK).await;
        }
    }

    fn held(store: Arc<dyn ObjectStore>, me: String) -> Self {
        let beating = Arc::clone(&store);
        let beat = tokio::spawn(async move {
            for beat in 1_u64.. {
                sleep(BEAT).await;
                let text = format!("{me} {beat}");
                if let Err(error) = beating.put(&Path::from(LEASE), text.into()).await {
                    tracing::warn!("`{LEASE}` cannot be written: {error}");
                }
            }
        });
        Self { store, beat }
    }

    pub async fn end(self) {
        self.beat.abort();
        let _ = self.beat.await;
        if let Err(error) = self.store.delete(&Path::from(LEASE)).await {
            tracing::warn!(
                "`{LEASE}` cannot be removed, and holds others back for half a minute: {error}"
            );
        }
    }
}

/// What is written there, which changes with each beat.
async fn stamp(store: &dyn ObjectStore) -> Option<String> {
    let found = store.get(&Path::from(LEASE)).await.ok()?;
    let bytes = found.bytes().await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// This process on this machine, since it was started.
fn whoami() -> String {
    format!("{} {}", machine(), std::process::id())
}

/// This start of this machine.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let words = [name, boot].map(|word| word.unwrap_or_default().trim().to_owned());
    words.join("/")
}

/// Whether a holder is a process of this machine that is not there any more.
fn is_gone(holder: &str) -> bool {
    let mut words = holder.split(' ');
    let (on, process) = (words.next(), words.next());
    on.is_some_and(|on| on == machine() && on.len() > 1)
        && process.is_some_and(|process| !std::path::Path::new("/proc").join(process).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_this_machine_is_known_to_be_there_or_gone() {
        assert!(!is_gone(&whoami()));
        assert!(!is_gone(&format!("{} 3", whoami())));
        assert!(is_gone(&format!("{} 4294967295", machine())));
        assert!(
            !is_gone("elsewhere/boot 4294967295"),
            "nothing is known of it"
        );
        assert!(!is_gone(""));
    }
}
