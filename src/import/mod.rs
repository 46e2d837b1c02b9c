//! An import: what a source holds becomes a Delta table, partitioned by day, and what came since is added to it.
//!
//! Each row of a file keeps the file's name in `_source_file`, and a file is taken when the table has a row of it. So the
//! record of what was taken is written by the commit that writes the rows, and nothing can come between; it is still there
//! after the table's log is cleaned up and its files are compacted. A file is taken whole, in one commit, or not at all. Of a
//! Delta table the commit keeps the version that was read, and what came since is taken in one commit.

mod error;
mod rows;
mod table;

use std::path::{Path, PathBuf};

use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTableError;
use deltalake::delta_datafusion::create_session;

pub use error::ImportError;

use self::rows::{day_column, delta_schema, time_column, with_day};
use self::table::Destination;
use crate::blame::Blame;
use crate::error::Result;
use crate::job::{Format, clean, without_file_scheme};
use crate::session::find_and_read;
use crate::source::{
    self, DeltaSource, Importable, Skipped, SourceFile, SourceFiles, UnreadableFile,
};

/// Bytes of source files that one commit takes.
const COMMIT_BYTES: u64 = 256 << 20;

/// Days that one commit takes, as far as paths tell: each day of a commit has a Parquet writer of about a megabyte.
const COMMIT_DAYS: usize = 32;

/// What to import, and to where.
#[derive(Clone, Debug)]
pub struct Import {
    /// How the source is stored.
    pub format: Format,
    /// Path or URL of the source.
    pub source: String,
    /// Path or URL of the Delta table, there or to be made.
    pub table: String,
    /// The column whose day a row belongs to; `None`: the one that the format always has.
    pub time_column: Option<String>,
    /// Stop at a file that cannot be read to its end; else it is left for a later import.
    pub strict: bool,
}

impl Import {
    /// Where the files are, the same for every way to write a local path. Files are known by their names in it.
    fn origin(&self) -> String {
        let (folder, pattern) = self.folder_and_pattern();
        folder + &pattern
    }

    /// The folder or file that is looked at, and the rest of a glob: its pattern, from the `/` before it on.
    fn folder_and_pattern(&self) -> (String, String) {
        let source = without_file_scheme(&self.source);
        if let Ok(path) = std::fs::canonicalize(&source) {
            return (path.display().to_string(), String::new());
        }
        let source = source.trim_end_matches('/');
        let (folder, pattern) = match source.find(['*', '?', '[']) {
            Some(pattern) => match source[..pattern].rfind('/') {
                Some(end) => source.split_at(end),
                None => ("", source),
            },
            None => (source, ""),
        };
        let slash = if pattern.is_empty() || pattern.starts_with('/') {
            ""
        } else {
            "/"
        };
        let pattern = format!("{slash}{pattern}");
        if folder.contains("://") {
            return (folder.to_owned(), pattern);
        }
        let folder = match source.starts_with('/') && folder.is_empty() {
            true => PathBuf::from("/"),
            false => absolute(Path::new(folder)),
        };
        let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
        (folder.display().to_string(), pattern)
    }

    /// The table's own files must not be among those of the source.
    fn check_is_apart(&self) -> Result<(), ImportError> {
        let (folder, _) = self.folder_and_pattern();
        let table = without_file_scheme(&self.table);
        let is_inside = if table.contains("://") {
            let table = format!("{}/", table.trim_end_matches('/'));
            table.starts_with(&format!("{folder}/"))
        } else {
            let table = absolute(Path::new(&table));
            let folders = table.ancestors().map(std::fs::canonicalize);
            let mut folders = folders.flatten();
            folders.any(|above| above == Path::new(&folder))
        };
        if is_inside {
            return Err(ImportError::Inside {
                table: self.table.clone(),
            });
        }
        Ok(())
    }

    fn failed(&self, source: DeltaTableError) -> ImportError {
        ImportError::Table {
            table: self.table.clone(),
            source,
        }
    }
}

/// The path from the root on, with each `..` gone up.
fn absolute(path: &Path) -> PathBuf {
    clean(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Files taken now.
    pub files: usize,
    /// Files that the table had already.
    pub known: usize,
    /// Files that cannot be read, each with what is wrong.
    pub unreadable: Vec<(String, String)>,
    /// The table's version.
    pub version: Option<u64>,
}

/// Appends to the table what it does not have yet.
pub async fn import(import: &Import) -> Result<Imported> {
    import.check_is_apart()?;
    let ctx = session();
    let blame = |error| source::blame("import", &import.source, error);
    let found = source::importable(&ctx, import.format, &import.source).await;
    match found.map_err(blame)? {
        Importable::Files(files) => import_files(&ctx, import, *files).await,
        Importable::Delta(table) => import_table(&ctx, import, &table).await,
    }
}

/// A session that finds files and reads times as a job does.
fn session() -> SessionContext {
    let mut state = create_session().state();
    find_and_read(state.config_mut().options_mut());
    SessionContext::new_with_state(state)
}

async fn import_table(
    ctx: &SessionContext,
    import: &Import,
    source: &DeltaSource,
) -> Result<Imported> {
    let mut table = Destination::open(import).await?;
    let taken = table.taken_version(&source.id).await?;
    let new = source.since(ctx, taken).await;
    let new = new.map_err(|error| source::blame("import", &import.source, error))?;
    if taken != Some(source.version) {
        let rows = match new.rows {
            Some(rows) => {
                let dated = Dated::by(import, &table, &rows)?;
                prepare(&mut table, &dated, rows).await?
            }
            None => table.no_rows(ctx)?,
        };
        let taken = Some((source.id.as_str(), source.version));
        table.append(rows, taken).await?;
    }
    Ok(Imported {
        files: new.files,
        known: new.known,
        unreadable: Vec::new(),
        version: table.version(),
    })
}

async fn import_files(
    ctx: &SessionContext,
    import: &Import,
    mut files: SourceFiles,
) -> Result<Imported> {
    let mut table = Destination::open(import).await?;
    let known = table.known_files(ctx).await?;
    let (old, mut new): (Vec<_>, Vec<_>) = files
        .list()
        .into_iter()
        .partition(|file| known.contains(&file.name));
    let unread = match import.strict {
        true => Skipped::new(true),
        false => Skipped::listing(),
    };
    let learned = files.learn_columns(ctx, &names_of(&new), &unread).await;
    learned.map_err(|error| source::blame("import", &import.source, error))?;
    let mut imported = Imported {
        files: 0,
        known: old.len(),
        unreadable: unread.files(),
        version: table.version(),
    };
    new.retain(|file| !imported.is_unreadable(&file.name));
    if new.is_empty() {
        return Ok(imported);
    }
    let names = names_of(&new);
    let none = read(ctx, &files, &[])?;
    let dated = Dated::by(import, &table, &none)?;
    prepare(&mut table, &dated, none).await?;
    for group in groups(new) {
        take(ctx, &mut table, &dated, &files, group, &mut imported).await?;
    }
    if imported.files > 0 {
        let with_rows = table.files_with_rows(ctx).await?;
        let is_bare = |name: &String| !with_rows.contains(name) && !imported.is_unreadable(name);
        let bare: Vec<_> = names.into_iter().filter(is_bare).collect();
        if !bare.is_empty() {
            table.note_without_rows(ctx, &bare).await?;
        }
    }
    imported.version = table.version();
    Ok(imported)
}

impl Imported {
    fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.iter().any(|(file, _)| file == name)
    }
}

fn names_of(files: &[SourceFile]) -> Vec<String> {
    files.iter().map(|file| file.name.clone()).collect()
}

/// Files in the order of their days, cut where a commit has enough of them.
fn groups(mut files: Vec<SourceFile>) -> Vec<Vec<String>> {
    files.sort_by(|a, b| (a.day, &a.name).cmp(&(b.day, &b.name)));
    let mut groups = Vec::<Vec<String>>::new();
    let (mut bytes, mut days) = (COMMIT_BYTES, 0);
    let mut last = None;
    for file in files {
        days += usize::from(file.day != last);
        last = file.day;
        if bytes >= COMMIT_BYTES || days > COMMIT_DAYS {
            groups.push(Vec::new());
            (bytes, days) = (0, 1);
        }
        bytes += file.size;
        groups
            .last_mut()
            .expect("a group was begun")
            .push(file.name);
    }
    groups
}

/// Takes one group of files in one commit; those that cannot be read are left out.
async fn take(
    ctx: &SessionContext,
    table: &mut Destination<'_>,
    dated: &Dated<'_>,
    files: &SourceFiles,
    mut group: Vec<String>,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    while !group.is_empty() {
        // A file counts whole or not at all: what could be read of a broken one would be taken again when it is mended.
        let rows = dated.rows(read(ctx, files, &group)?)?;
        let error = match table.append(rows, None).await {
            Ok(()) => {
                imported.files += group.len();
                break;
            }
            Err(error) if error.blame() != Blame::Data => return Err(error),
            Err(error) => error,
        };
        let broken = files.broken(ctx, &group).await.map_err(ImportError::Read)?;
        match broken.first() {
            None => return Err(error),
            Some((file, problem)) if dated.import.strict => {
                let unreadable = UnreadableFile::new(file.as_str(), problem.as_str());
                return Err(ImportError::Unreadable(unreadable));
            }
            Some(_) => imported.unreadable.extend(broken),
        }
        group.retain(|name| !imported.is_unreadable(name));
    }
    Ok(())
}

/// The rows of these files; one that cannot be read to its end is an error.
fn read(
    ctx: &SessionContext,
    files: &SourceFiles,
    names: &[String],
) -> Result<DataFrame, ImportError> {
    let rows = files.rows(names, &Skipped::new(true));
    ctx.read_table(rows).map_err(ImportError::Read)
}

/// How the rows of a source become those of the table.
struct Dated<'i> {
    import: &'i Import,
    time: String,
    day: String,
}

impl<'i> Dated<'i> {
    fn by(
        import: &'i Import,
        table: &Destination<'_>,
        rows: &DataFrame,
    ) -> Result<Self, ImportError> {
        let schema = rows.schema().as_arrow();
        Ok(Self {
            import,
            time: time_column(import, schema)?,
            day: day_column(schema, table.day_column()?.as_deref())?,
        })
    }

    fn rows(&self, rows: DataFrame) -> Result<DataFrame, ImportError> {
        with_day(rows, &self.time, &self.day).map_err(ImportError::Read)
    }
}

/// The rows as the table has them, which is there for them from now on.
async fn prepare(
    table: &mut Destination<'_>,
    dated: &Dated<'_>,
    rows: DataFrame,
) -> Result<DataFrame, ImportError> {
    let rows = dated.rows(rows)?;
    let schema = delta_schema(rows.schema().as_arrow())?;
    table.prepare(&schema, &dated.day).await?;
    Ok(rows)
}
