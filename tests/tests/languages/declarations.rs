//! What `minion bindings ts` makes of WIT that is hard to put into TypeScript, held against the compiler itself.

use std::fs;
use std::process::Command;

use rig::{Said, binary, example};

/// Everything that once made a file that TypeScript refuses.
const WIT: &str = r#"
    /// Ends */ here.
    package acme:hard@0.1.0;

    /// Both */ ways, with types.
    interface both {
        /// A */ record.
        record point {
            /// A */ field.
            x: u32,
        }
        /// An */ alias.
        type points = list<point>;
        variant problem { gone, far(point) }
        /// A */ resource.
        resource file {
            /// A */ constructor.
            constructor(%package: string);
            /// A */ method.
            read: func(arguments: u32) -> result<points, problem>;
        }
        /// A */ function.
        area: func(of: point) -> result<u32, problem>;
        %package: func(%interface: u32, private: u8, eval: bool, yield: string);
    }

    /// Types with the names of JavaScript's own, and of ours.
    interface names {
        record %array { methods: list<u32> }
        record %promise { x: u8 }
        type %uint8-array = list<u8>;
        type methods = list<%array>;
        f: func(a: %array, b: promise) -> %uint8-array;
    }

    world module {
        /** A record */
        record held {
            /// A */ field of the world's own.
            x: u8,
        }
        import both;
        export both;
        export names;
        import inline: interface { type t = u8; f: func() -> t; }
        export inline: interface { type t = string; f: func() -> t; }
        export mine: interface { use both.{point}; f: func(p: point) -> result<_, string>; }
    }
"#;

const SOURCE: &str = r#"
import { area, File, type Point } from "acme:hard/both@0.1.0";
import type { Methods } from "acme:hard/both@0.1.0";

const point: Point = { x: 2 };
export const both: Methods = { area: (of: Point) => area(of), package() {}, ...({} as { File: typeof File }) };
new File("a").read(area(point)).map((found) => found.x);
"#;

const CONFIG: &str = r#"{
  "compilerOptions": {
    "strict": true, "target": "es2023", "module": "esnext", "moduleResolution": "bundler",
    "lib": ["es2023", "esnext.disposable"], "types": [], "noEmit": true, "skipLibCheck": false
  },
  "files": ["module.ts", "module.d.ts"]
}"#;

#[test]
fn typescript_takes_the_declarations_of_whatever_wit_there_is() {
    let Some(example) = example("ts") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("wit")).expect("made");
    for (name, text) in [("wit/hard.wit", WIT), ("module.ts", SOURCE), ("tsconfig.json", CONFIG)] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let made = Command::new(binary("minion")).args(["bindings", "ts"]).current_dir(folder.path()).output();
    let made = Said::from(made.expect("runs"));
    assert_eq!(made.code, 0, "{made:?}");
    let checked =
        Command::new(example.tools[1].join("tsc")).args(["-p", "."]).current_dir(folder.path()).output();
    let checked = Said::from(checked.expect("runs"));
    let declared = fs::read_to_string(folder.path().join("module.d.ts")).expect("reads");
    assert_eq!(checked.code, 0, "{}\n{}\n{declared}", checked.out, checked.err);
}
