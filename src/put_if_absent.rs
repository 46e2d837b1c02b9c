//! Whether an object store keeps what is there when it is asked to put an object only where none is.
//!
//! Commits to a Delta table stand on that promise. A store that does not know it, or forgets it, lets the second of two writers
//! replace the commit of the first, and nobody is told. That is tried before anything is written, by an object that no reader
//! takes for part of a table and that is gone afterwards: three requests. A local folder keeps the promise by its system.

use std::error::Error as StdError;

use deltalake::DeltaTable;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::blame::Blame;

/// How often a put is tried again whose answer was lost: `object_store` does not do that where there is a condition.
const TRIES: usize = 5;

/// Why commits to a store are not safe.
#[derive(Debug, thiserror::Error)]
pub enum PutIfAbsentError {
    /// The store replaced what was there.
    #[error("asked to put an object only where none is, the store put it over one")]
    Forgotten,
    /// The store says that it cannot, or may not.
    #[error("the store cannot put an object only where none is")]
    Unsupported(#[source] Error),
    /// The store takes nothing.
    #[error("the store does not take an object")]
    Store(#[source] Error),
}

impl PutIfAbsentError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Forgotten | Self::Unsupported(_) => Blame::Job,
            Self::Store(_) => Blame::Outside,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Forgotten => {
                "of two runs at once the one would undo the other without a word: keep the table in a store with conditional writes (`If-None-Match: *`)"
            }
            Self::Unsupported(_) => {
                "a commit to a Delta table needs it: keep the table in a store with conditional writes (`If-None-Match: *`), and leave `aws_conditional_put` out"
            }
            Self::Store(_) => "may the account that runs this write and delete there, and does the storage answer?",
        }
        .to_owned()
    }
}

/// Tries it where the table is, or shall be.
pub(crate) async fn prove(table: &DeltaTable) -> Result<(), PutIfAbsentError> {
    if table.table_url().scheme() == "file" {
        return Ok(());
    }
    let store = table.log_store().object_store(None);
    // A name of nobody else's, and hidden from whoever lists data files.
    let probe = Path::from(format!(".crannog-{:016x}", rand::random::<u64>()));
    let proven = keeps_what_is_there(store.as_ref(), &probe).await;
    let is_there = matches!(proven, Ok(()) | Err(PutIfAbsentError::Forgotten));
    if is_there && let Err(error) = store.delete(&probe).await {
        tracing::warn!("a probe is left in the folder of a table, `{probe}`: {error}");
    }
    proven
}

async fn keeps_what_is_there(
    store: &dyn ObjectStore,
    probe: &Path,
) -> Result<(), PutIfAbsentError> {
    put_if_absent(store, probe).await?;
    match put_if_absent(store, probe).await? {
        Put::Done => Err(PutIfAbsentError::Forgotten),
        Put::WasThere => Ok(()),
    }
}

enum Put {
    Done,
    WasThere,
}

async fn put_if_absent(store: &dyn ObjectStore, probe: &Path) -> Result<Put, PutIfAbsentError> {
    let mut tries = 1;
    loop {
        let body = PutPayload::from_static(b"crannog");
        match store.put_opts(probe, body, PutMode::Create.into()).await {
            Ok(_) => return Ok(Put::Done),
            Err(Error::AlreadyExists { .. }) => return Ok(Put::WasThere),
            Err(error) if is_unsupported(&error) => {
                return Err(PutIfAbsentError::Unsupported(error));
            }
            Err(error) if tries < TRIES && is_lost(&error) => tries += 1,
            Err(error) => return Err(PutIfAbsentError::Store(error)),
        }
    }
}

/// Turned off by the options, or answered with 501 by a store that does not know the header.
fn is_unsupported(error: &Error) -> bool {
    matches!(error, Error::NotImplemented { .. })
        || error.to_string().contains("501 Not Implemented")
}

/// Whether the store may have done what it did not answer to.
fn is_lost(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return matches!(
                error.kind(),
                HttpErrorKind::Interrupted | HttpErrorKind::Timeout
            );
        }
        cause = error.source();
    }
    false
}
