//! What can go wrong while a demo is written.

use std::path::PathBuf;

use deltalake::DeltaTableError;
use deltalake::parquet::errors::ParquetError;

use super::params::InvalidParam;
use crate::blame::Blame;

/// Why a demo was not written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A parameter is out of its bounds.
    #[error(transparent)]
    Param(#[from] InvalidParam),
    /// The folder is somebody else's.
    #[error("`{}` holds something that the demo did not write", path.display())]
    NotADemo {
        /// The folder of the table.
        path: PathBuf,
    },
    /// The folder has a Delta log that does not say whose it is.
    #[error("`{}` cannot be read as a table of the demo", path.display())]
    Unreadable {
        /// The folder of the table.
        path: PathBuf,
        /// Why not.
        source: Box<DeltaTableError>,
    },
    /// A file or folder cannot be read, made or deleted.
    #[error("cannot use `{}`", path.display())]
    Path {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The table was not written to its end.
    #[error("cannot write the table `{}`", path.display())]
    Table {
        /// The folder of the table.
        path: PathBuf,
        /// Why not.
        source: Box<DeltaTableError>,
    },
    /// The labels were not written.
    #[error("cannot write the labels `{}`", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ParquetError,
    },
}

impl DemoError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Param(_) | Self::NotADemo { .. } | Self::Unreadable { .. } => Blame::Job,
            Self::Path { .. } | Self::Table { .. } | Self::Labels { .. } => Blame::Outside,
        }
    }

    /// What to do next, where there is something.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Param(error) if error.name == "intrusions" => {
                "ask for more rows or for fewer intrusions"
            }
            Self::Param(_) => return None,
            Self::NotADemo { .. } => {
                "choose another folder; the demo replaces nothing but its own table"
            }
            Self::Unreadable { path, .. } => {
                return Some(format!(
                    "choose another folder, or delete `{}` if it is left over from a demo",
                    path.display()
                ));
            }
            Self::Path { .. } | Self::Table { .. } | Self::Labels { .. } => {
                "see that the folder can be written to and the disk has room"
            }
        };
        Some(hint.to_string())
    }
}
