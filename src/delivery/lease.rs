//! One call at a time sends: two would send the same chunk.
//!
//! An object beside the outbox says who does, and is written again as long as the work goes on. Whoever does not write it for
//! half a minute was killed, by the clock of whoever waits; of a process of this machine that is seen at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deltalake::{DeltaTable, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::error::DeliveryError;
use crate::error::causes;

/// Readers of Delta tables, and those who clean them up, leave what begins with `_` alone.
const LEASE: &str = "_send.lease";
/// How often it is written.
const BEAT: Duration = Duration::from_secs(5);
/// After this time without its being written whoever held it was killed.
const SILENCE: Duration = Duration::from_secs(30);
/// How often those who wait look.
const LOOK: Duration = Duration::from_millis(200);

/// Held until it is ended, or lost: another one may have taken it over from a process that slept.
pub(super) struct Lease {
    store: Arc<dyn ObjectStore>,
    me: String,
    last_beat: Arc<Mutex<Instant>>,
    beat: JoinHandle<()>,
}

impl Lease {
    /// Waits for it until `deadline`.
    pub async fn take(table: &DeltaTable, deadline: Instant) -> Result<Self, DeliveryError> {
        let store = table.log_store().object_store(None);
        let me = whoami();
        let mut seen: Option<(String, Instant)> = None;
        let mut is_taken_over = false;
        loop {
            let put = PutOptions::from(PutMode::Create);
            let put = store
                .put_opts(&Path::from(LEASE), me.clone().into(), put)
                .await;
            match put {
                Ok(_) => {
                    // Of two who took it from one that was killed, the later one's stands.
                    if is_taken_over {
                        sleep(2 * LOOK).await;
                    }
                    if !is_taken_over || holder(store.as_ref()).await? == Some(me.clone()) {
                        return Ok(Self::held(store, me));
                    }
                }
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(DeltaTableError::from(error).into()),
            }
            match (&seen, holder(store.as_ref()).await?) {
                (_, None) => {}
                (Some((before, since)), Some(now)) if *before == now => {
                    let is_dead = since.elapsed() > SILENCE || is_gone(&now);
                    if is_dead && holder(store.as_ref()).await?.as_ref() == Some(&now) {
                        let _ = store.delete(&Path::from(LEASE)).await; // another one may have
                        (seen, is_taken_over) = (None, true);
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
        let last_beat = Arc::new(Mutex::new(Instant::now()));
        let (beating, beaten) = (Arc::clone(&store), Arc::clone(&last_beat));
        let mine = me.clone();
        let beat = tokio::spawn(async move {
            for beat in 1_u64.. {
                sleep(BEAT).await;
                let is_mine = |holder: String| holder.starts_with(&mine);
                let written = async {
                    if !holder(beating.as_ref()).await?.is_some_and(is_mine) {
                        return Ok(false);
                    }
                    let text = format!("{mine} {beat}");
                    let put = beating.put(&Path::from(LEASE), text.into()).await;
                    put.map(|_| true)
                        .map_err(|error| DeltaTableError::from(error).into())
                };
                match written.await {
                    Ok(true) => *lock(&beaten) = Instant::now(),
                    Ok(false) => return, // another one has it
                    Err(error) => warn("cannot be written", &error),
                }
            }
        });
        Self {
            store,
            me,
            last_beat,
            beat,
        }
    }

    /// Whether nobody else can have taken it.
    pub fn is_held(&self) -> bool {
        !self.beat.is_finished() && lock(&self.last_beat).elapsed() < SILENCE
    }

    pub async fn end(self) {
        self.beat.abort();
        let _ = self.beat.await;
        let ended = async {
            let holder = holder(self.store.as_ref()).await?;
            if holder.is_some_and(|holder| holder.starts_with(&self.me)) {
                let deleted = self.store.delete(&Path::from(LEASE)).await;
                deleted.map_err(DeltaTableError::from)?;
            }
            Ok::<_, DeliveryError>(())
        };
        if let Err(error) = ended.await {
            warn(
                "cannot be removed, and holds others back for half a minute",
                &error,
            );
        }
    }
}

fn lock(instant: &Mutex<Instant>) -> MutexGuard<'_, Instant> {
    instant.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn(what: &str, error: &DeliveryError) {
    tracing::warn!("`{LEASE}` {what}: {}", causes(error).join(": "));
}

/// What is written there, which changes with each beat; none where it is free.
async fn holder(store: &dyn ObjectStore) -> Result<Option<String>, DeliveryError> {
    let read = async {
        let bytes = store.get(&Path::from(LEASE)).await?.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read.await {
        Ok(holder) => Ok(Some(holder)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(DeltaTableError::from(error).into()),
    }
}

/// This process on this machine, and this call of it.
fn whoami() -> String {
    let call = rand::random::<u32>();
    format!("{} {} {call:08x}", machine(), std::process::id())
}

/// This start of this machine, and whose processes can be seen from here.
fn machine() -> String {
    let words = ["kernel/random/boot_id", "kernel/hostname"]
        .map(|name| std::fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default());
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!(
        "{}/{}/{}",
        words[0].trim(),
        words[1].trim(),
        processes.display()
    )
}

/// Whether a holder is a process of this machine that is not there any more.
fn is_gone(holder: &str) -> bool {
    let mut words = holder.split(' ');
    let (on, process) = (words.next(), words.next());
    on.is_some_and(|on| on == machine() && on.contains("pid:"))
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
