//! What changed between two versions of a Delta table, told by its log, commit by commit.
//!
//! Only what changes data counts: a commit that puts the same rows into other files says so of each file
//! (`dataChange = false`), and nothing of it is a change. What came and went between the two versions is no change either.

use std::collections::BTreeMap;

use deltalake::DeltaTableError;
use deltalake::kernel::{Action, Add, Remove};
use deltalake::logstore::{LogStore, get_actions};

/// The changes, each list in the order of the files' paths.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Files of rows that were not in the table before.
    pub(crate) added: Vec<AddedFile>,
    /// Files of rows that were in the table before, and are gone or written anew.
    pub(crate) removed: Vec<RemovedFile>,
    /// The version of a commit that said anew what the columns are, or how the table is to be read: files may then hold other
    /// rows than before.
    pub(crate) redefined: Option<u64>,
}

/// A file that came.
#[derive(Debug)]
pub(crate) struct AddedFile {
    /// What the log says of it.
    pub(crate) add: Add,
    /// The version that it came with.
    pub(crate) version: u64,
    /// Whether the later version has the file itself; else its rows have been put into another one since.
    pub(crate) is_there: bool,
}

/// A file that went.
#[derive(Debug)]
pub(crate) struct RemovedFile {
    /// Its path in the table.
    pub(crate) path: String,
    /// The version that it went with.
    pub(crate) version: u64,
}

/// Why the changes are not known.
#[derive(Debug, thiserror::Error)]
pub enum UnknownChanges {
    /// A commit is not in the log any more.
    #[error(
        "the log of version {version} is gone, so it is not known what came since version {since}"
    )]
    CleanedUp {
        /// The version whose commit is gone.
        version: u64,
        /// The version that was read before.
        since: u64,
    },
    /// The table has gone back.
    #[error("the latest version is {latest}, and version {since} was read before")]
    WentBack {
        /// The latest version.
        latest: u64,
        /// The version that was read before.
        since: u64,
    },
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[source] DeltaTableError),
}

impl Changes {
    /// What changed after the version `since`, up to and with the version `latest`.
    pub(crate) async fn between(
        log: &dyn LogStore,
        since: u64,
        latest: u64,
    ) -> Result<Self, UnknownChanges> {
        if latest < since {
            return Err(UnknownChanges::WentBack { latest, since });
        }
        let mut added = BTreeMap::new();
        let mut removed = Vec::new();
        let mut redefined = None;
        for version in since + 1..=latest {
            let entry = log.read_commit_entry(version).await;
            let Some(entry) = entry.map_err(UnknownChanges::Log)? else {
                return Err(UnknownChanges::CleanedUp { version, since });
            };
            let actions = get_actions(version, &entry).map_err(UnknownChanges::Log)?;
            // The actions of a commit have no order: a file may leave and come again, with other rows of it deleted.
            let (mut adds, mut removes) = (Vec::new(), Vec::new());
            for action in actions {
                match action {
                    Action::Add(add) => adds.push(add),
                    Action::Remove(remove) => removes.push(remove),
                    Action::Metadata(_) | Action::Protocol(_) => redefined = Some(version),
                    _ => {}
                }
            }
            for remove in removes {
                leave(&remove, version, &mut added, &mut removed);
            }
            for add in adds {
                come(add, version, &mut added);
            }
        }
        Ok(Self {
            added: added.into_values().collect(),
            removed,
            redefined,
        })
    }
}

fn leave(
    remove: &Remove,
    version: u64,
    added: &mut BTreeMap<String, AddedFile>,
    removed: &mut Vec<RemovedFile>,
) {
    if remove.data_change {
        if added.remove(&remove.path).is_none() {
            let path = remove.path.clone();
            removed.push(RemovedFile { path, version });
        }
    } else if let Some(file) = added.get_mut(&remove.path) {
        file.is_there = false;
    }
}

fn come(add: Add, version: u64, added: &mut BTreeMap<String, AddedFile>) {
    if add.data_change {
        let file = AddedFile {
            version,
            is_there: true,
            add,
        };
        added.insert(file.add.path.clone(), file);
    } else if let Some(file) = added.get_mut(&add.path) {
        file.is_there = true;
    }
}
