//! Guests that ask for programs with options, folders and environments that nobody granted.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::capabilities::{capabilities, command, error, json, text};
use super::{Rig, RunMode};

/// A folder whose own program a granted one obeys, as `git` obeys `.git/config`.
fn prepared() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(root.join("app")).unwrap();
    std::fs::write(root.join("app/obeyed"), "#!/bin/sh\necho ran > ran\npwd -P\n").unwrap();
    std::fs::set_permissions(root.join("app/obeyed"), Permissions::from_mode(0o755)).unwrap();
    (dir, root)
}

/// A module that may have the prepared folder's program run, with more in its grant.
fn obeying(more: &str) -> (Rig, TempDir) {
    capabilities(&format!("process = [{{ command = 'sh', args = ['-c', './obeyed']{more} }}]"))
}

fn in_folder(folder: &Path) -> String {
    command(&["sh", "-c", "./obeyed"], &format!("\"cwd\": \"{}\",", folder.display()))
}

fn attempts(rig: &Rig) -> Vec<String> {
    rig.events.denied.lock().unwrap().iter().map(|denial| denial.attempt.clone()).collect()
}

#[tokio::test]
async fn an_option_is_denied_where_the_grant_has_a_star_and_the_grant_to_add_is_told() {
    let (rig, folder) = capabilities("process = [{ command = 'touch', args = ['*', '**'] }]");
    let file = folder.path().join("made").display().to_string();
    for argument in ["--reference=/etc/shadow", "-t", "-", "--", "+x", "@/etc/passwd", ""] {
        let told = error(rig.failure("run", &command(&["touch", &file, argument], "")).await);
        let grant =
            format!("denied: add {{ command = \"touch\", args = [{file:?}, {argument:?}] }} to `process`");
        assert!(told.starts_with(&grant) && told.contains("no \"*\" stands for"), "{told}");
        error(rig.failure("run", &command(&["touch", argument, &file], "")).await);
    }
    assert!(!Path::new(&file).exists());
    let climbing = format!("{}/../x", folder.path().display());
    error(rig.failure("run", &command(&["touch", &climbing], "")).await);
    rig.value("run", &command(&["touch", &file], "")).await;
    assert!(Path::new(&file).exists());
}

#[tokio::test]
async fn a_program_runs_in_no_folder_but_the_granted_ones_however_they_are_called() {
    let (_dir, root) = prepared();
    std::fs::create_dir(root.join("free")).unwrap();
    symlink("../app", root.join("free/link")).unwrap();
    let free = format!(", cwd = ['{}']", root.join("free").display());
    for more in ["", &free] {
        let (rig, _folder) = obeying(more);
        for folder in ["app", "free/link", "free/../app", "./app", "free/link/.", "gone"] {
            let told = error(rig.failure("run", &in_folder(&root.join(folder))).await);
            assert!(told.contains("to `cwd` of the grant for \"sh\" in `process`"), "{folder}: {told}");
        }
        for relative in ["app", "", ".", "../../../../../../tmp"] {
            error(rig.failure("run", &in_folder(Path::new(relative))).await);
        }
        assert!(attempts(&rig)[0].ends_with(&format!(" in {}", root.join("app").display())));
        assert!(!root.join("app/ran").exists());
    }
    let (rig, _folder) = obeying(&format!(", cwd = ['{}']", root.join("app").display()));
    for folder in ["app", "free/link"] {
        let output = json(rig.value("run", &in_folder(&root.join(folder))).await);
        assert_eq!(text(&output["stdout"]).trim(), root.join("app").display().to_string());
    }
}

#[tokio::test]
async fn a_program_starts_in_the_root_and_with_what_the_grant_sets() {
    let (rig, _folder) = capabilities(
        "process = [{ command = 'sh', args = ['-c', '*'], env = ['MODE=safe', 'APP_*', 'IFS'] }]",
    );
    let script = command(&["sh", "-c", "pwd; echo $MODE $APP_COLOR $HOME."], "\"cwd\": \"/\",");
    let script = script.replace("\"env\": []", "\"env\": [[\"APP_COLOR\", \"red\"]]");
    assert_eq!(text(&json(rig.value("run", &script).await)["stdout"]), "/\nsafe red .\n");
    for name in
        ["MODE", "LD_PRELOAD", "PATH", "APP_PATH", "BASH_ENV", "MODE=safe", "APP_X=", "BASH_FUNC_pwd%%"]
    {
        let script = command(&["sh", "-c", "pwd"], "");
        let script = script.replace("\"env\": []", &format!("\"env\": [[\"{name}\", \"x\"]]"));
        let told = error(rig.failure("run", &script).await);
        assert!(told.contains(&format!("add \"{name}\" to `env`")), "{told}");
    }
}

#[tokio::test]
async fn a_dry_run_runs_nothing_where_the_module_may_have_prepared_the_folder() {
    let (_dir, root) = prepared();
    let app = root.join("app");
    let grant = format!(", cwd = ['{}'], read-only = true", app.display());
    std::fs::create_dir(root.join("app/.git")).unwrap();
    for writable in ["", "app", "app/.git"] {
        let files = format!("\nfiles = [{{ host = '{}', mode = 'rw' }}]", root.join(writable).display());
        let (mut rig, _folder) = capabilities(&format!(
            "process = [{{ command = 'sh', args = ['-c', './obeyed']{grant} }}]{files}"
        ));
        rig.mode = RunMode::Dry;
        let report = rig.report("run", &in_folder(&app)).await;
        assert_eq!(report.would, ["run sh -c ./obeyed"], "{writable:?}");
        assert!(!app.join("ran").exists());
    }
    let (mut rig, _folder) = obeying(&grant);
    rig.mode = RunMode::Dry;
    rig.value("run", &in_folder(&app)).await;
}

#[tokio::test]
async fn a_program_is_found_by_its_name_or_whole_path_alone() {
    let (rig, _folder) =
        capabilities("process = [{ command = '*' }, { command = '*/*' }, { command = '*/*/*' }]");
    for name in ["./true", "../bin/true", "bin/true", ".."] {
        let told = error(rig.failure("run", &command(&[name], "")).await);
        assert!(told.starts_with("not-found") || told.starts_with("denied"), "{told}");
    }
    rig.value("run", &command(&["true"], "")).await;
    rig.value("run", &command(&["/bin/true"], "")).await;
}

/// A command with the same variable set for it.
fn with_variable(command: &str, name: &str, value: &str) -> String {
    command.replace("\"env\": []", &format!("\"env\": [[\"{name}\", \"{value}\"]]"))
}

#[tokio::test]
async fn what_a_grant_leaves_to_the_module_has_no_limit_and_the_rest_keeps_its_own() {
    let (_dir, root) = prepared();
    let app = root.join("app");
    let (rig, _folder) = capabilities("process = [{ command = 'sh', args = ['-c'], any = ['args'] }]");
    let output = json(rig.value("run", &command(&["sh", "-c", "echo $0 $1", "-x", "../@"], "")).await);
    assert_eq!(text(&output["stdout"]), "-x ../@\n");
    for other in [command(&["sh", "./obeyed"], ""), command(&["bash", "-c", "true"], ""), in_folder(&app)] {
        error(rig.failure("run", &other).await);
    }
    error(rig.failure("run", &with_variable(&command(&["sh", "-c", "true"], ""), "LD_PRELOAD", "x")).await);
    let (rig, _folder) = obeying(", env = ['MODE=safe'], any = ['env', 'cwd']");
    let output = json(rig.value("run", &in_folder(&app)).await);
    assert_eq!(text(&output["stdout"]).trim(), app.display().to_string());
    for (name, allowed) in [("APP_PATH", true), ("MODE", false), ("A=B", false), ("BASH_FUNC_x%%", false)] {
        let asked = with_variable(&in_folder(&app), name, "x");
        let outcome = rig.report("run", &asked).await.outcome;
        assert_eq!(matches!(outcome, wire::message::outcome::Outcome::Ok(_)), allowed, "{name}: {outcome:?}");
    }
    for relative in ["app", "", ".", "..", "/proc/1/root/../gone"] {
        let told = error(rig.failure("run", &in_folder(Path::new(relative))).await);
        assert!(told.contains("is not a folder to run a program in"), "{relative:?}: {told}");
    }
    error(rig.failure("run", &command(&["sh", "-c", "true"], "")).await);
}

#[tokio::test]
async fn any_program_is_found_by_its_name_or_whole_path_and_by_nothing_else() {
    let (rig, _folder) = capabilities("process = [{ any = ['command', 'args', 'env', 'cwd'] }]");
    let in_bin = |argv: &[&str]| command(argv, "\"cwd\": \"/bin\",");
    for name in ["./true", "../bin/true", "bin/true", "..", "", "; true", "true ", "/bin/../bin", "/bin"] {
        let told = error(rig.failure("run", &in_bin(&[name])).await);
        assert!(told.starts_with("not-found"), "{name:?}: {told}");
    }
    for argv in [&["true", "--"][..], &["/bin/true"], &["/usr/../bin/true"], &["env", "-i", "true"]] {
        rig.value("run", &in_bin(argv)).await;
    }
    error(rig.failure("run", &command(&["echo", "a\0b"], "")).await);
    assert!(attempts(&rig).is_empty(), "{:?}", attempts(&rig));
}

#[tokio::test]
async fn a_dry_run_runs_nothing_that_is_left_to_the_module() {
    let (_dir, root) = prepared();
    let file = root.join("app/made").display().to_string();
    let free = "{ any = ['command', 'args', 'env', 'cwd'] }";
    let fixed = "{ command = 'touch', args = ['--version'], read-only = true }";
    for grants in [format!("{free}, {fixed}"), format!("{fixed}, {free}")] {
        let (mut rig, _folder) = capabilities(&format!("process = [{grants}]"));
        rig.mode = RunMode::Dry;
        for asked in [
            command(&["touch", &file], ""),
            in_folder(&root.join("app")),
            with_variable(&command(&["touch", "--version"], ""), "LD_PRELOAD", "x"),
        ] {
            let report = rig.report("run", &asked).await;
            assert!(report.would.len() == 1 && report.would[0].starts_with("run "), "{:?}", report.would);
        }
        assert!(!Path::new(&file).exists() && !root.join("app/ran").exists());
    }
}

#[tokio::test]
async fn a_dry_run_runs_nothing_in_a_folder_that_a_program_of_the_modules_choice_may_have_prepared() {
    let (_dir, root) = prepared();
    let app = root.join("app");
    let fixed = format!(
        "{{ command = 'sh', args = ['-c', './obeyed'], cwd = ['{}'], read-only = true }}, \
         {{ command = 'true', read-only = true }}",
        app.display()
    );
    for free in ["{ any = ['command', 'args'] }", "{ command = 'tee', any = ['args'] }"] {
        let (mut rig, _folder) = capabilities(&format!("process = [{fixed}, {free}]"));
        rig.mode = RunMode::Dry;
        let report = rig.report("run", &in_folder(&app)).await;
        assert_eq!(report.would, ["run sh -c ./obeyed"], "{free}");
        assert!(!app.join("ran").exists());
        // Nothing of a module's is obeyed where it runs.
        rig.value("run", &command(&["true"], "")).await;
    }
}
