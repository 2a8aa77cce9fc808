//! The pages of the modules in the documentation.

use std::fs;
use std::path::Path;

use rig::{Fleet, bundled_dir};

use super::{grant, modules};

#[test]
fn the_pages_of_the_modules_are_what_they_say_of_themselves() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    for (module, _) in modules().iter().filter(|(_, levels)| !levels.is_empty()) {
        grant(&fleet.minion_dir("web1"), module, "read");
    }
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/modules");
    for module in modules().keys() {
        let said = fleet.run(&["doc", module, "--markdown"]);
        assert_eq!(said.code, 0, "{said:?}");
        let page = pages.join(format!("{module}.md"));
        if std::env::var_os("WRITE_PAGES").is_some() {
            fs::write(&page, &said.out).expect("written");
        }
        let kept = fs::read_to_string(&page).unwrap_or_default();
        assert_eq!(
            kept, said.out,
            "write it anew: WRITE_PAGES=1 cargo test -p overlord-tests --test e2e pages_of_the_modules"
        );
    }
}
