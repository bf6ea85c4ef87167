//! `import`: takes the entries of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use db::edit::Edit;
use db::{Access, Database};
use menu_files::{Change, Difference, Format, difference};
use runtime::exit::failed;
use runtime::{Console, Exit, with_causes};
use serde_json::json;

use super::connection::{open, unchanged, unread};
use super::file::File;
use super::{EditError, Stored, report};

/// What is to be done.
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// Its format, if its extension does not say it.
    pub format: Option<Format>,
    /// Whether what the file lacks stays.
    pub merge: bool,
    /// Whether nothing is to be changed.
    pub dry_run: bool,
    /// Whether the report is JSON.
    pub json: bool,
    /// Who wants it.
    pub changed_by: String,
    /// The configuration file.
    pub config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run<T: Stored>(import: Import) -> Result<(), Exit> {
    let file = File::<T>::read(import.file.clone(), import.format)?;
    let access = if import.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let db = open(import.config.clone(), access).await?;
    let changes = if import.dry_run {
        planned(&db, &file, import.merge).await?
    } else {
        made(&db, &file, &import).await?
    };
    let console = Console::new();
    // The import is done already.
    let lost = T::without_effect(&db, &file.entries).await.unwrap_or_else(|why| {
        let why = with_causes(&why);
        console.warn(&format!(
            "it was not seen whether the menu has what the rules name; 'doctor' looks again: {why}"
        ));
        Vec::new()
    });
    if import.json {
        let mut document = report::json(&changes, "dry_run", import.dry_run);
        if let Some(members) = document.as_object_mut().filter(|_| !lost.is_empty()) {
            members.insert("without_effect".to_owned(), json!(lost));
        }
        console.print(&document.to_string());
        return Ok(());
    }
    report::print(&changes);
    for lost in lost {
        console.warn(&format!("{lost} on the menu; it changes no price"));
    }
    let counts = if changes.is_empty() { "nothing to change".to_owned() } else { report::counts(&changes) };
    if import.dry_run {
        console.note(&format!("{}: {counts}; nothing was done, because of --dry-run", T::LIST));
    } else {
        console.done(&format!("{}: {counts}", T::LIST));
    }
    Ok(())
}

/// What an import would change.
async fn planned<T: Stored>(db: &Database, file: &File<T>, merge: bool) -> Result<Difference, Exit> {
    let present = T::read(db).await.map_err(|why| unread(T::WHOLE, &why))?;
    let mut changes = difference(&present, &file.entries);
    if merge {
        file.check_merge(&present)?;
        changes.changes.retain(|(_, change)| *change != Change::Removed);
    }
    Ok(changes)
}

/// Changes it.
async fn made<T: Stored>(db: &Database, file: &File<T>, import: &Import) -> Result<Difference, Exit> {
    let entries = file.entries.clone();
    let edit = if import.merge {
        T::merge(db, entries).await
    } else {
        T::replace(db, entries, &import.changed_by).await
    };
    match edit {
        Ok(edit) => Ok(changes_of(&edit, &file.entries)),
        Err(EditError::NameTaken) => {
            let present = T::read(db).await.map_err(|why| unread(T::WHOLE, &why))?;
            file.check_merge(&present)?;
            Err(Exit::Failed(format!(
                "{} did not change: somebody else used a name of '{}', and does not any more. Try again",
                T::WHOLE,
                file.name()
            )))
        }
        Err(EditError::Database(why)) => Err(unchanged(T::WHOLE, &why)),
        Err(why @ EditError::Rules(_)) => Err(failed(&why)),
    }
}

/// What an edit changed, with the fields.
fn changes_of<T: Stored>(edit: &Edit<T, T::Id>, new: &[T]) -> Difference {
    let mut compared: BTreeMap<String, Change> = difference(&edit.before, new).changes.into_iter().collect();
    let mut of_changed = |id: String| {
        // A row that a hand wrote may be one that cannot be compared.
        let fields = compared.remove(&id).filter(|change| matches!(change, Change::Changed(_)));
        (id, fields.unwrap_or_else(|| Change::Changed(Vec::new())))
    };
    let mut changes: Vec<_> = edit.changes.changed.iter().map(|id| of_changed(id.to_string())).collect();
    changes.extend(edit.changes.added.iter().map(|id| (id.to_string(), Change::Added)));
    changes.extend(edit.changes.removed.iter().map(|id| (id.to_string(), Change::Removed)));
    changes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Difference { changes }
}
