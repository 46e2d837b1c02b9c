//! A folder of files, on this machine or in an object store, into which a file is put whole or not at all.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use deltalake::{DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::job::{JobError, Location, Template, resolve_options};
use crate::output_file::replace;

/// The folder; there, or made with its first file.
#[derive(Clone, Debug)]
pub(crate) enum Folder {
    Here(PathBuf),
    Store(Arc<dyn ObjectStore>),
}

/// Why a file cannot be put there.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// It is neither a path nor a URL of a store.
    #[error("the place cannot be opened")]
    Place(#[source] DeltaTableError),
    /// The disk says no.
    #[error("the file cannot be written")]
    File(#[source] io::Error),
    /// The store says no.
    #[error("the store does not take the file")]
    Store(#[source] object_store::Error),
}

impl Folder {
    pub(crate) fn open(
        location: &Location,
        options: &BTreeMap<String, Template>,
    ) -> Result<Self, FolderError> {
        let options = resolve_options(options, &location.place)?;
        let location = location.resolve()?;
        if !location.contains("://") {
            return Ok(Self::Here(location.into()));
        }
        let table = ensure_table_uri(&location)
            .and_then(|url| Ok(DeltaTableBuilder::from_url(url)?.with_storage_options(options)))
            .and_then(DeltaTableBuilder::build);
        let table = table.map_err(FolderError::Place)?;
        Ok(Self::Store(table.log_store().object_store(None)))
    }

    /// Puts a file there; an earlier one of its name is replaced.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), FolderError> {
        match self {
            Self::Here(folder) => {
                let path = folder.join(name);
                let put = tokio::task::spawn_blocking(move || replace(&path, &bytes));
                let put = put.await.map_err(io::Error::other).flatten();
                put.map_err(FolderError::File)
            }
            Self::Store(store) => {
                let put = store.put(&StorePath::from(name), bytes.into()).await;
                put.map(drop).map_err(FolderError::Store)
            }
        }
    }
}
