//! Writing one file: links, modes, owners, and files left by killed runs.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use tempfile::TempDir;

use crate::{ConfigEdit, EditOutcome, HelperSettings, UpdateOutcome, read_text, real_path, update, update_private};
use diagnostics::{Code, Result};

/// Replaces the file's text.
fn write(path: &Path, text: &str) -> Result<UpdateOutcome> {
    update(path, None, &mut |old| {
        Ok(match old {
            Some(old) if old == text => EditOutcome::Unchanged,
            _ => EditOutcome::Text(text.to_owned()),
        })
    })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_for_its_user_alone() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("a/b/config.json");
    let updated = write(&file, "{}").unwrap();
    assert!(updated.changed);
    let real = home.path().canonicalize().unwrap();
    assert_eq!(updated.folders, [real.join("a"), real.join("a/b")]);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(home.path().join("a/b")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(names(&home.path().join("a/b")), ["config.json"]);
}

#[test]
fn a_correct_file_is_not_touched() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, "{}").unwrap();
    let before = fs::metadata(&file).unwrap();
    assert_eq!(write(&file, "{}").unwrap(), UpdateOutcome::default());
    let after = fs::metadata(&file).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn without_other_writers_the_file_is_read_once() {
    for before in [None, Some("{}")] {
        let home = TempDir::new().unwrap();
        let file = home.path().join("config.json");
        if let Some(text) = before {
            fs::write(&file, text).unwrap();
        }
        let mut reads = 0;
        let updated = update(&file, None, &mut |old| {
            reads += 1;
            assert_eq!(old, before);
            Ok(EditOutcome::Text("{ }".to_owned()))
        });
        assert_eq!((updated.unwrap().changed, reads), (true, 1));
    }
}

#[test]
fn an_edit_without_changes_creates_nothing() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("a/config.json");
    update(&file, None, &mut |_| Ok(EditOutcome::Unchanged)).unwrap();
    assert_eq!(names(home.path()), Vec::<String>::new());
}

#[test]
fn a_file_that_gets_a_secret_is_taken_from_others() {
    let home = TempDir::new().unwrap();
    let (file, link) = (home.path().join("config.json"), home.path().join("link"));
    symlink("config.json", &link).unwrap();
    let root = rustix::process::geteuid().is_root();
    for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o600, 0o600), (0o400, 0o400)] {
        for text in ["{}", "{ }"] {
            fs::write(&file, "{}").unwrap();
            if root {
                chown(&file, Some(12345), Some(23456)).unwrap();
            }
            fs::set_permissions(&file, fs::Permissions::from_mode(before)).unwrap();
            let updated = update_private(&link, None, &mut |old| {
                Ok(match old {
                    Some(old) if old == text => EditOutcome::Unchanged,
                    _ => EditOutcome::Text(text.to_owned()),
                })
            });
            assert_eq!(updated.unwrap().changed, before != after || text != "{}");
            let now = fs::metadata(&file).unwrap();
            assert_eq!((now.mode() & 0o7777, now.uid() == 12345), (after, root));
            assert_eq!(fs::read_to_string(&link).unwrap(), text);
            fs::remove_file(&file).unwrap();
        }
    }
    assert!(link.is_symlink());
}

#[test]
fn mode_and_owner_stay() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, "{}").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(&file, Some(12345), Some(23456)).unwrap();
    }
    let before = fs::metadata(&file).unwrap();
    write(&file, "{ }").unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "{ }");
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn links_are_followed_and_stay() {
    let (home, dotfiles) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (link, real) = (home.path().join("config.json"), dotfiles.path().join("docker.json"));
    fs::write(&real, "{}").unwrap();
    symlink(&real, &link).unwrap();
    write(&link, "{ }").unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), real);
    assert_eq!(fs::read_to_string(&real).unwrap(), "{ }");
    assert_eq!((names(home.path()).len(), names(dotfiles.path()).len()), (1, 1));
}

#[test]
fn broken_links_are_errors() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    symlink("missing.json", &file).unwrap();
    let error = write(&file, "{}").unwrap_err();
    assert_eq!(error.cause(), "it is a link to missing.json, which does not exist");
    fs::remove_file(&file).unwrap();
    symlink("config.json", &file).unwrap();
    assert!(write(&file, "{}").unwrap_err().cause().contains("symbolic links"));
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn a_folder_at_the_files_path_is_an_error() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("config.json")).unwrap();
    assert_eq!(
        write(&home.path().join("config.json"), "{}").unwrap_err().cause(),
        "it is a folder"
    );
}

/// Docker reads it, with U+FFFD in a string for each such byte.
#[test]
fn an_edit_keeps_bytes_that_are_not_utf_8() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    // The last character of Unicode, and its first three bytes.
    let before = b"{\"a\":\"\xff\xf4\x8f\xbf\xbf\xf4\x8f\xbf\"}";
    fs::write(&file, before).unwrap();
    update(&file, None, &mut |old| match old {
        Some(old) if !old.ends_with('\n') => Ok(EditOutcome::Text(format!("{old}\n"))),
        _ => Ok(EditOutcome::Unchanged),
    })
    .unwrap();
    assert_eq!(fs::read(&file).unwrap(), [&before[..], b"\n"].concat());
    let text = read_text(&file).unwrap().unwrap();
    let read = HelperSettings::read(&text.replace("\"a\"", "\"credsStore\"")).unwrap();
    assert_eq!(read.store.unwrap(), "\u{fffd}\u{10ffff}\u{fffd}\u{fffd}\u{fffd}");
    let store = Some(Some("\u{10ffff}".to_owned()));
    let edit = ConfigEdit {
        store,
        ..ConfigEdit::default()
    };
    assert_eq!(edit.apply("{}").unwrap(), "{\n\t\"credsStore\": \"\\udbff\\udfff\"\n}");
}

#[test]
fn files_left_by_a_killed_run_are_removed() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(home.path().join(".config.json.ecr-auth-abc"), "half").unwrap();
    fs::write(home.path().join(".other"), "").unwrap();
    write(&file, "{}").unwrap();
    assert_eq!(names(home.path()), [".other", "config.json"]);
}

#[test]
fn a_failing_edit_changes_nothing() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, "{}").unwrap();
    let failing = || diagnostics::Error::failed(Code::NotWritable, "a", "b");
    assert_eq!(update(&file, None, &mut |_| Err(failing())).unwrap_err(), failing());
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn a_file_is_removed() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, "{}").unwrap();
    update(&file, None, &mut |old| {
        Ok(old.map_or(EditOutcome::Unchanged, |_| EditOutcome::Remove))
    })
    .unwrap();
    assert_eq!(names(home.path()), Vec::<String>::new());
}

#[test]
fn a_save_before_ours_is_edited_too() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, "a").unwrap();
    let mut seen = Vec::new();
    update(&file, None, &mut |old| {
        let old = old.unwrap().to_owned();
        // Twice, another program saves between our read and our write.
        if seen.len() < 2 {
            fs::write(&file, format!("{old}x")).unwrap();
        }
        seen.push(old.clone());
        Ok(if old.ends_with('!') {
            EditOutcome::Unchanged
        } else {
            EditOutcome::Text(old + "!")
        })
    })
    .unwrap();
    assert_eq!(seen, ["a", "ax", "axx", "axx!"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "axx!");
}

#[test]
fn a_file_that_appears_meanwhile_is_not_overwritten() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    let mut first = true;
    update(&file, None, &mut |old| {
        if std::mem::take(&mut first) {
            fs::write(&file, "theirs").unwrap();
        }
        Ok(match old {
            Some(old) if old.contains("ours") => EditOutcome::Unchanged,
            old => EditOutcome::Text(old.unwrap_or_default().to_owned() + " ours"),
        })
    })
    .unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "theirs ours");
}

#[test]
fn a_writer_that_never_rests_wins_and_its_version_stands() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    let mut count = 0;
    let error = update(&file, None, &mut |_| {
        count += 1;
        fs::write(&file, count.to_string()).unwrap();
        Ok(EditOutcome::Text("ours".into()))
    })
    .unwrap_err();
    assert_eq!(error.cause(), "another program keeps changing it; its version is kept");
    assert_eq!(fs::read_to_string(&file).unwrap(), count.to_string());
    assert_eq!(names(home.path()), ["config.json"]);
}

/// For a moment, others could read our version without a change that had landed before it. A program that read our
/// version then wrote its own version on top.
#[test]
fn a_change_lost_because_of_our_version_is_restored() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, r#"{"a":1}"#).unwrap();
    let mut looks = 0;
    let updated = update(&file, None, &mut |old| {
        looks += 1;
        match looks {
            // Written to the same file, which is only noticed after our version replaced it.
            1 => fs::write(&file, r#"{"a":1,"theirs":2}"#).unwrap(),
            2 => {
                fs::write(home.path().join("new"), r#"{"a":1,"ours":0,"later":3}"#).unwrap();
                fs::rename(home.path().join("new"), &file).unwrap();
            }
            _ => {}
        }
        Ok(match old.unwrap() {
            old if old.contains("ours") => EditOutcome::Unchanged,
            old => EditOutcome::Text(old.replacen("1", r#"1,"ours":0"#, 1)),
        })
    })
    .unwrap();
    assert!(updated.changed);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        r#"{"a":1,"ours":0,"later":3,"theirs":2}"#
    );
    assert_eq!(looks, 4);
}

#[test]
fn the_group_stays_even_if_the_owner_is_the_same() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    for (user, group) in [(None, Some(23456)), (Some(12345), Some(0)), (Some(0), Some(0))] {
        fs::write(&file, "{}").unwrap();
        chown(&file, user, group).unwrap();
        let before = fs::metadata(&file).unwrap();
        write(&file, "{ }").unwrap();
        let after = fs::metadata(&file).unwrap();
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    }
}

#[test]
fn an_existing_file_is_read() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    assert_eq!(read_text(&file).unwrap(), None);
    fs::write(&file, "{}").unwrap();
    assert_eq!(read_text(&file).unwrap().unwrap(), "{}");
    assert!(read_text(&file.join("below")).is_err());
    assert!(real_path(&file.join("below")).is_err());
}
